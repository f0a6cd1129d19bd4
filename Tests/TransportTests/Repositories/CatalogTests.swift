import Actors
import Testing
import Transport

extension Repositories {
    @Suite("The catalogue in SQL")
    struct CatalogTests {
        @Test("a player's limit holds for uploads at the same time", arguments: DatabaseService.allCases)
        func limit(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser()
                let verdicts = try await withThrowingTaskGroup(of: CreateVideoVerdict.self) { group in
                    for _ in 0..<6 {
                        let video = database.newVideo(of: owner.id)
                        group.addTask { try await database.videos.create(video, maximumPerPlayer: 2) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(verdicts.filter { $0 == .created }.count == 2)
                #expect(verdicts.filter { $0 == .tooManyVideos(maximum: 2) }.count == 4)
                #expect(try await database.videos.videos(of: owner.id).count == 2)
                #expect(try await database.outbox().count == 2)
            }
        }

        @Test("an erased owner uploads nothing", arguments: DatabaseService.allCases)
        func unknownOwner(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let verdict = try await database.videos.create(
                    database.newVideo(of: database.id()), maximumPerPlayer: 9)
                #expect(verdict == .unknownOwner)
            }
        }

        @Test("a player's list is oldest first, with the votes of each", arguments: DatabaseService.allCases)
        func ownList(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser()
                let older = try await database.makeProcessedVideo(of: owner.id)
                let newer = try await database.makeVideo(of: owner.id)
                let voter = try await database.makeUser()
                _ = try await database.cast([VoteRequest(voter: voter.id, video: older)])
                let videos = try await database.videos.videos(of: owner.id)
                #expect(videos.map(\.id) == [older, newer])
                #expect(videos.map(\.votes) == [1, 0])
            }
        }

        @Test(
            "the public list has processed videos only, newest first, with the total of its filter on every page",
            arguments: DatabaseService.allCases)
        func recent(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let bogota = try await database.makeUser(city: "Bogotá")
                let cali = try await database.makeUser(city: "Cali", username: "cali")
                var all: [VideoID] = []
                for owner in [bogota, cali, bogota, cali] {
                    all.append(try await database.makeProcessedVideo(of: owner.id))
                }
                _ = try await database.makeVideo(of: bogota.id)
                let page = { (city: String?, skip: Int, limit: Int) in
                    try await database.videos.publicVideos(
                        PublicVideoQuery(city: city.map(FoldedText.init), sort: .recent, skip: skip, limit: limit))
                }
                let first = try await page(nil, 0, 3)
                #expect(first.videos.map(\.video.id) == [all[3], all[2], all[1]])
                #expect(first.total == 4)
                #expect(first.videos.first?.username == "cali" && first.videos.first?.city == "Cali")
                #expect(try await page(nil, 3, 3).videos.map(\.video.id) == [all[0]])
                let beyond = try await page(nil, 4, 3)
                #expect(beyond.videos.isEmpty && beyond.total == 4)
                let city = try await page("BOGOTA", 0, 10)
                #expect(city.videos.map(\.video.id) == [all[2], all[0]] && city.total == 2)
                let nowhere = try await page("Lima", 0, 10)
                #expect(nowhere.videos.isEmpty && nowhere.total == 0)
            }
        }

        @Test("equal times are ordered by id")
        func equalTimes() async throws {
            try await withDatabase { database in
                let owner = try await database.makeUser()
                for _ in 0..<5 { _ = try await database.makeProcessedVideo(of: owner.id) }
                try await database.sql("UPDATE videos SET processed_at = '2026-03-10 14:30:00Z'")
                let query = PublicVideoQuery(city: nil, sort: .recent, skip: 0, limit: 5)
                let ids = try await database.videos.publicVideos(query).videos.map(\.video.id.description)
                #expect(ids == ids.sorted() && ids.count == 5)
            }
        }

        @Test("by votes, the most voted comes first and equal ones newest first", arguments: [nil, "bogotá"])
        func mostVoted(city: String?) async throws {
            try await withDatabase { database in
                let owner = try await database.makeUser()
                var all: [VideoID] = []
                for _ in 0..<4 { all.append(try await database.makeProcessedVideo(of: owner.id)) }
                for (index, count) in [1, 2, 0, 1].enumerated() {
                    for _ in 0..<count {
                        let voter = try await database.makeUser()
                        _ = try await database.cast([VoteRequest(voter: voter.id, video: all[index])])
                    }
                }
                let query = PublicVideoQuery(city: city.map(FoldedText.init), sort: .votes, skip: 0, limit: 3)
                let page = try await database.videos.publicVideos(query)
                #expect(page.videos.map(\.video.id) == [all[1], all[3], all[0]])
                #expect(page.videos.map(\.video.votes) == [2, 1, 1] && page.total == 4)
            }
        }

        @Test(
            "who reads on from a page sees each video once, however votes move and whatever is published meanwhile",
            arguments: [PublicVideoSort.recent, .votes], [nil, "bogotá"])
        func readsOn(sort: PublicVideoSort, city: String?) async throws {
            try await withDatabase { database in
                let owner = try await database.makeUser()
                var all: [VideoID] = []
                for _ in 0..<6 { all.append(try await database.makeProcessedVideo(of: owner.id)) }
                func page(_ skip: Int, _ asOf: Int64?) async throws -> PublicVideoPage {
                    try await database.videos.publicVideos(
                        PublicVideoQuery(
                            city: city.map(FoldedText.init), sort: sort, skip: skip, limit: 2, asOf: asOf))
                }
                let first = try await page(0, nil)
                var seen = first.videos.map(\.video.id)
                for skip in [2, 4] {
                    // The last of all becomes the favourite, and a new one appears.
                    for _ in 0..<2 {
                        let voter = try await database.makeUser()
                        _ = try await database.cast([VoteRequest(voter: voter.id, video: all[0])])
                    }
                    _ = try await database.makeProcessedVideo(of: owner.id)
                    let next = try await page(skip, first.asOf)
                    #expect(next.total == 6 && next.asOf == first.asOf)
                    seen += next.videos.map(\.video.id)
                }
                #expect(seen == all.reversed())
                #expect(try await page(0, nil).total == 8)
            }
        }

        @Test(
            "objects are orphans when no row needs them; foreign names never are", arguments: DatabaseService.allCases)
        func orphans(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let (done, open) = (try await database.makeProcessedVideo(), try await database.makeVideo())
                let failed = try await database.makeVideo()
                let token = try await database.claimed(failed)
                _ = try await database.videos.reject(failed, token: token, newToken: database.id(), reason: .corrupt)
                let gone: VideoID = database.id()
                let needed: [ObjectKey] = [
                    .original(done, fileExtension: "mp4"), .processedVideo(done), .poster(done),
                    .original(open, fileExtension: "mp4"), .processedVideo(open), .poster(open),
                    .original(failed, fileExtension: "mp4"), ObjectKey("original/readme.txt"), ObjectKey("x"),
                ]
                let orphans: [ObjectKey] = [
                    .original(gone, fileExtension: "mp4"), .poster(gone), .processedVideo(failed),
                    .original(open, fileExtension: "mov"),
                ]
                #expect(try await database.videos.orphans(among: needed + orphans) == orphans)
                #expect(try await database.videos.orphans(among: []).isEmpty)
                try await database.videos.check()
            }
        }
    }
}
