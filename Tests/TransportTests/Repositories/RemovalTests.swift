import Actors
import Testing
import Transport

extension Repositories {
    @Suite("Removal of videos and accounts in SQL")
    struct RemovalTests {
        @Test(
            "an unfinished or failed video goes with its outbox entry; its worker's writes find nothing",
            arguments: DatabaseService.allCases)
        func delete(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser().id
                let video = database.newVideo(of: owner)
                _ = try await database.videos.create(video, maximumPerPlayer: 10)
                let token = try await database.claimed(video.id)
                #expect(
                    try await database.videos.delete(video.id, by: owner, requestID: "r1")
                        == .deleted(objects: [video.original.key, .processedVideo(video.id), .poster(video.id)]))
                #expect(try await database.outbox().isEmpty)
                #expect(try await database.commit(video.id, token) == .lost)
                #expect(try await database.claim(video.id, database.id()) == .obsolete)
                #expect(try await database.judge(video.id) == .delete)
                #expect(
                    try await database.videos.orphans(among: [video.original.key, .poster(video.id)]).count == 2)
                #expect(try await database.videos.delete(video.id, by: owner, requestID: nil) == .unknown)
                // A request that was on its way for long (the simulation's seed 282 of its build).
                #expect(try await database.videos.create(video, maximumPerPlayer: 10) == .created)
                #expect(try await database.videos.video(video.id) == nil)

                let failed = try await database.makeVideo(of: owner)
                let failing = try await database.claimed(failed)
                _ = try await database.videos.reject(failed, token: failing, newToken: database.id(), reason: .corrupt)
                guard case .deleted = try await database.videos.delete(failed, by: owner, requestID: nil) else {
                    Issue.record("a failed video stays")
                    return
                }
            }
        }

        @Test("a processed video and somebody else's stay", arguments: DatabaseService.allCases)
        func refused(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser().id
                let processed = try await database.makeProcessedVideo(of: owner)
                #expect(try await database.videos.delete(processed, by: owner, requestID: nil) == .processed)
                let foreign = try await database.makeVideo()
                #expect(try await database.videos.delete(foreign, by: owner, requestID: nil) == .notOwner)
                #expect(try await database.state(of: processed) == .processed)
                #expect(try await database.state(of: foreign) == .uploaded)
            }
        }

        @Test(
            "of two deletions at once one deletes, and the other finds nothing, never a processed video",
            arguments: DatabaseService.allCases)
        func twice(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser().id
                for _ in 0..<20 {
                    let video = try await database.makeVideo(of: owner)
                    async let first = database.videos.delete(video, by: owner, requestID: nil)
                    async let second = database.videos.delete(video, by: owner, requestID: nil)
                    let verdicts = try await [first, second]
                    #expect(verdicts.contains(.unknown) && !verdicts.contains(.processed), "\(verdicts)")
                }
            }
        }

        @Test(
            "an erased account takes along its videos, the votes for them and its own votes; the feed tells of each",
            arguments: DatabaseService.allCases)
        func erase(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let erased = try await database.makeUser(username: "gone").id
                let other = try await database.makeUser(username: "stays").id
                let mine = try await database.makeProcessedVideo(of: erased)
                let unfinished = try await database.makeVideo(of: erased)
                let theirs = try await database.makeProcessedVideo(of: other)
                let voters = try await database.makeVoters(3)
                let requests = voters.flatMap {
                    [VoteRequest(voter: $0, video: mine), .init(voter: $0, video: theirs)]
                }
                _ = try await database.cast(requests + [VoteRequest(voter: erased, video: theirs)])
                let before = try await database.votes.snapshot()
                #expect(try await database.recount() == [erased: 3, other: 4])

                let objects = try #require(try await database.users.erase(erased)).objects
                #expect(
                    Set(objects)
                        == Set(
                            [mine, unfinished].flatMap {
                                [ObjectKey.original($0, fileExtension: "mp4"), .processedVideo($0), .poster($0)]
                            }))
                #expect(try await database.recount() == [other: 3])
                #expect(try await database.users.user(erased) == nil)
                #expect(try await database.videos.videos(of: erased).isEmpty)
                #expect(try await database.outbox().isEmpty)
                guard
                    case .deltas(let deltas, false) = try await database.votes.deltas(
                        after: before.positions, limitPerWriter: 10)
                else {
                    Issue.record("behind")
                    return
                }
                let changes = deltas.flatMap(\.changes).sorted { $0.player < $1.player }
                #expect(
                    changes
                        == [.init(player: erased, votes: -3), .init(player: other, votes: -1)].sorted {
                            $0.player < $1.player
                        })
                #expect(try await database.users.erase(erased) == nil)
            }
        }

        @Test(
            "votes that race with an erasure are either taken back or refused, and every reader agrees with the count")
        func race() async throws {
            try await withDatabase(poolSize: 10) { database in
                let players = try await database.makeVoters(4)
                var videos: [VideoID] = []
                for player in players { videos.append(try await database.makeProcessedVideo(of: player)) }
                let targets = videos
                let voters = try await database.makeVoters(40)
                let start = try await database.votes.snapshot()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for lane in 0..<3 {
                        group.addTask {
                            let writer = try await database.makeWriter()
                            for (index, voter) in voters.enumerated() where index % 3 == lane {
                                let batch = VoteBatch(
                                    writer: writer, number: Int64(index + 1),
                                    requests: targets.map { VoteRequest(voter: voter, video: $0) })
                                _ = try await database.votes.cast(batch, allowSelfVote: false)
                            }
                        }
                    }
                    for erased in [players[0], voters[5], players[1], voters[20]] {
                        group.addTask { _ = try await database.users.erase(erased) }
                    }
                    try await group.waitForAll()
                }
                guard
                    case .deltas(let deltas, false) = try await database.votes.deltas(
                        after: start.positions, limitPerWriter: 1000)
                else {
                    Issue.record("behind")
                    return
                }
                var tallies: [UserID: Int] = [:]
                for change in deltas.flatMap(\.changes) { tallies[change.player, default: 0] += change.votes }
                #expect(tallies.filter { $0.value != 0 } == (try await database.recount()))
                #expect(
                    try await database.number(
                        """
                        SELECT count(*) FROM votes v
                        WHERE NOT EXISTS (SELECT FROM users WHERE id = v.user_id)
                            OR NOT EXISTS (SELECT FROM videos WHERE id = v.video_id)
                        """) == 0)
            }
        }
    }
}
