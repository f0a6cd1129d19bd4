import Actors
import Testing
import Transport

extension Repositories {
    @Suite("Claims, heartbeats and commits in SQL")
    struct DeliveryClaimTests {
        @Test(
            "a new video is uploaded, has one message in the outbox, and creating it again changes nothing",
            arguments: DatabaseService.allCases)
        func create(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser()
                let video = database.newVideo(of: owner.id)
                #expect(try await database.videos.create(video, maximumPerPlayer: 1) == .created)
                #expect(try await database.videos.create(video, maximumPerPlayer: 1) == .created)
                let entries = try await database.outbox()
                #expect(entries.map(\.dispatch) == [Dispatch(video: video.id, number: 1)])
                #expect(entries.first?.destination == .jobs)
                let stored = try #require(try await database.videos.video(video.id))
                #expect(stored.state == .uploaded && stored.original == video.original && stored.votes == 0)
            }
        }

        @Test("of claims at the same time exactly one is granted", arguments: DatabaseService.allCases)
        func concurrentClaims(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let verdicts = try await withThrowingTaskGroup(of: ClaimVerdict.self) { group in
                    for _ in 0..<6 { group.addTask { try await database.claim(video, database.id()) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(verdicts.filter { $0 == .leased }.count == 5)
                #expect(try await database.claims(of: video) == 1)
                #expect(try await database.state(of: video) == .processing)
            }
        }

        @Test(
            "a repeated claim meets its own lease, is granted, and counts once (defect F)",
            arguments: DatabaseService.allCases)
        func repeatedClaim(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let token: LeaseToken = database.id()
                let first = try await database.claim(video, token)
                let second = try await database.claim(video, token)
                guard case .granted(let job) = first, case .granted = second else {
                    Issue.record("not granted")
                    return
                }
                #expect(job.attempts == 0 && job.original.sizeBytes == 1_000 && job.waited >= .zero)
                #expect(try await database.claims(of: video) == 1)
            }
        }

        @Test(
            "a claim after the lease's end is granted and counted; the lease lasts as long as asked (defect C)",
            arguments: DatabaseService.allCases)
        func claimAfterLease(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let first = try await database.claimed(video)
                try await database.elapse(.seconds(50))
                #expect(try await database.claim(video, database.id()) == .leased)
                try await database.elapse(.seconds(11))
                let second = try await database.claimed(video)
                #expect(try await database.claims(of: video) == 2)
                // The first one's token is void now.
                #expect(try await database.commit(video, first) == .lost)
                #expect(try await database.commit(video, second) == .done)
            }
        }

        @Test(
            "a message is obsolete only when its video is terminal, gone or dispatched anew",
            arguments: DatabaseService.allCases)
        func obsolete(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let processed = try await database.makeProcessedVideo()
                #expect(try await database.claim(processed, database.id()) == .obsolete)
                #expect(try await database.claim(database.id(), database.id()) == .obsolete)
                let moved = try await database.makeVideo()
                let dispatch = Dispatch(video: moved, number: 1)
                #expect(try await database.videos.handBack(dispatch, token: nil, newToken: database.id()) == .done)
                #expect(try await database.claim(moved, database.id()) == .obsolete)
                // A message from the future (a restored database) is left alone.
                #expect(try await database.claim(moved, dispatch: 3, database.id()) == .leased)
            }
        }

        @Test("a heartbeat moves the lease and the progress of its own token only", arguments: DatabaseService.allCases)
        func heartbeat(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let token = try await database.claimed(video)
                let beat = { (token: LeaseToken) in
                    try await database.videos.heartbeat(video, token: token, lease: .seconds(500), progressPercent: 40)
                }
                #expect(try await beat(token) == .done)
                try await database.elapse(.seconds(490))
                #expect(try await database.claim(video, database.id()) == .leased)
                #expect(try await database.videos.video(video)?.progressPercent == 40)
                #expect(try await beat(database.id()) == .lost)
                let dispatch = Dispatch(video: video, number: 1)
                #expect(try await database.videos.handBack(dispatch, token: token, newToken: database.id()) == .done)
                // A late one does not revive what was handed back.
                #expect(try await beat(token) == .lost)
            }
        }

        @Test("a repeated commit is done once and says so again", arguments: DatabaseService.allCases)
        func repeatedCommit(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let token = try await database.claimed(video)
                let newToken: LeaseToken = database.id()
                #expect(try await database.commit(video, token, newToken: newToken) == .done)
                let first = try await database.videos.video(video)?.processedAt
                #expect(try await database.commit(video, token, newToken: newToken) == .done)
                #expect(try await database.videos.video(video)?.processedAt == first)
                #expect(first != nil)
            }
        }

        @Test("no write touches a terminal row, whatever its token (defect J)", arguments: [2, 3])
        func terminalRows(state: Int) async throws {
            try await withDatabase { database in
                let video = try await database.makeVideo()
                let token = try await database.claimed(video)
                // The row keeps the token, as it would if a commit did not replace it.
                let columns =
                    state == 2
                    ? "state = 2, processed_at = now(), processed_key = 'k', poster_key = 'p'"
                    : "state = 3, keeps_letter = true, failure_code = 'corrupt', failure_spanish = 's', failure_english = 'e'"
                try await database.sql("UPDATE videos SET \(columns) WHERE id = '\(video)'")
                let before = try await database.videos.video(video)
                let dispatch = Dispatch(video: video, number: 1)
                let videos = database.videos
                #expect(try await database.claim(video, token) == .obsolete)
                #expect(
                    try await videos.heartbeat(video, token: token, lease: .seconds(9), progressPercent: 1) == .lost)
                #expect(try await database.commit(video, token) == .lost)
                #expect(try await videos.handBack(dispatch, token: token, newToken: database.id()) == .lost)
                #expect(try await videos.handBack(dispatch, token: nil, newToken: database.id()) == .lost)
                #expect(try await database.fail(video, dispatch: 1, token) == .lost)
                #expect(
                    try await videos.reject(video, token: token, newToken: database.id(), reason: .corrupt) == .lost)
                try await database.sql("UPDATE videos SET lease_until = '-infinity', moved_at = '-infinity'")
                #expect(try await database.judge(video) == (state == 2 ? .delete : .keep))
                #expect(try await videos.redispatchLost(after: .zero, limit: 9, makeToken: { database.id() }) == 0)
                #expect(try await database.videos.video(video) == before)
                #expect(try await database.outbox().isEmpty)
            }
        }
    }
}
