import Actors
import Testing
import Transport

extension Repositories {
    @Suite("Failures, hand-backs and dead letters in SQL")
    struct DeliveryFailureTests {
        @Test(
            "an own failure is a new dispatch with a delay, not a receive of the old message (defect A)",
            arguments: DatabaseService.allCases)
        func ownFailure(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let token = try await database.claimed(video)
                #expect(try await database.fail(video, dispatch: 1, token) == .retried(attempts: 1))
                let entry = try #require(try await database.outbox().first)
                #expect(entry.dispatch.number == 2 && entry.destination == .jobs)
                #expect((.seconds(25)...Duration.seconds(30)).contains(entry.delay))
                #expect(try await database.claims(of: video) == 0)
                #expect(try await database.claim(video, database.id()) == .obsolete)
                // No live lease is left behind: the next claim need not wait.
                guard case .granted(let job) = try await database.claim(video, dispatch: 2, database.id()) else {
                    Issue.record("not granted")
                    return
                }
                #expect(job.attempts == 1)
            }
        }

        @Test("an own failure whose answer was lost counts once (defect E)", arguments: DatabaseService.allCases)
        func repeatedOwnFailure(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let token = try await database.claimed(video)
                let newToken: LeaseToken = database.id()
                for _ in 0..<2 {
                    let verdict = try await database.fail(video, dispatch: 1, token, newToken: newToken)
                    #expect(verdict == .retried(attempts: 1))
                }
                #expect(try await database.fail(video, dispatch: 1, token) == .lost)
                guard case .granted(let job) = try await database.claim(video, dispatch: 2, database.id()) else {
                    Issue.record("not granted")
                    return
                }
                #expect(job.attempts == 1)
                #expect(try await database.outbox().count == 1)
            }
        }

        @Test(
            "the third own failure fails the row and sends one dead letter in the same transaction (defect I)",
            arguments: DatabaseService.allCases)
        func thirdOwnFailure(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                for number in 1...2 {
                    let token = try await database.claimed(video, dispatch: number)
                    #expect(try await database.fail(video, dispatch: number, token) == .retried(attempts: number))
                }
                try await database.emptyOutbox()
                let token = try await database.claimed(video, dispatch: 3)
                let newToken: LeaseToken = database.id()
                for _ in 0..<2 {
                    #expect(try await database.fail(video, dispatch: 3, token, newToken: newToken) == .failed)
                }
                let letters = try await database.outbox()
                #expect(letters.map(\.destination) == [.deadLetters])
                #expect(letters.map(\.dispatch.number) == [3] && letters.first?.delay == .zero)
                let failed = try #require(try await database.videos.video(video))
                #expect(failed.state == .failed && failed.failure == .processingFailed)
                #expect(try await database.judge(video, dispatch: 3) == .keep)
            }
        }

        @Test(
            "a dead letter waits for a live lease, then leads to a new dispatch below three claims (defect B)",
            arguments: DatabaseService.allCases)
        func deadLetterOfHealthyJob(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                _ = try await database.claimed(video)
                #expect(try await database.judge(video) == .wait)
                #expect(try await database.state(of: video) == .processing)
                try await database.endLeases()
                #expect(try await database.judge(video) == .delete)
                #expect(try await database.judge(video) == .delete)
                #expect(try await database.outbox().map(\.dispatch.number) == [2])
                #expect(try await database.claims(of: video) == 0)
            }
        }

        @Test("three claims that ended without a word fail the row as lost, and its letter stays")
        func workerLost() async throws {
            try await withDatabase { database in
                let video = try await database.makeVideo()
                for _ in 0..<3 {
                    _ = try await database.claimed(video)
                    try await database.endLeases()
                }
                #expect(try await database.judge(video) == .failed)
                #expect(try await database.judge(video) == .keep)
                #expect(try await database.videos.video(video)?.failure == .workerLost)
                #expect(try await database.outbox().isEmpty)
            }
        }

        @Test(
            "letters of processed, deleted and newer rows are removed (defect K)", arguments: DatabaseService.allCases)
        func letterOfProcessed(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                #expect(try await database.judge(try await database.makeProcessedVideo()) == .delete)
                #expect(try await database.judge(database.id()) == .delete)
                let video = try await database.makeVideo()
                let dispatch = Dispatch(video: video, number: 1)
                #expect(try await database.videos.handBack(dispatch, token: nil, newToken: database.id()) == .done)
                #expect(try await database.judge(video) == .delete)
                #expect(try await database.claim(video, dispatch: 3, database.id()) == .leased)
                _ = try await database.claimed(video, dispatch: 2)
            }
        }

        @Test(
            "a hand-back works after the lease's end while the token is mine, and once (defect G)",
            arguments: DatabaseService.allCases)
        func handBackAfterOutage(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let token = try await database.claimed(video)
                try await database.endLeases()
                let dispatch = Dispatch(video: video, number: 1)
                let newToken: LeaseToken = database.id()
                for _ in 0..<2 {
                    #expect(try await database.videos.handBack(dispatch, token: token, newToken: newToken) == .done)
                }
                #expect(try await database.outbox().map(\.dispatch.number) == [2])
                #expect(try await database.claims(of: video) == 0)
                #expect(try await database.state(of: video) == .uploaded)
                #expect(try await database.videos.handBack(dispatch, token: token, newToken: database.id()) == .lost)
            }
        }

        @Test(
            "an unclaimed dispatch is handed back only while nobody's lease lives", arguments: DatabaseService.allCases)
        func handBackUnclaimed(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let token = try await database.claimed(video)
                let dispatch = Dispatch(video: video, number: 1)
                #expect(try await database.videos.handBack(dispatch, token: nil, newToken: database.id()) == .lost)
                #expect(
                    try await database.videos.handBack(dispatch, token: database.id(), newToken: database.id()) == .lost
                )
                #expect(try await database.commit(video, token) == .done)
            }
        }

        @Test("an unusable clip fails at once, without a dead letter", arguments: DatabaseService.allCases)
        func reject(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                let token = try await database.claimed(video)
                let newToken: LeaseToken = database.id()
                for _ in 0..<2 {
                    let verdict = try await database.videos.reject(
                        video, token: token, newToken: newToken, reason: .corrupt)
                    #expect(verdict == .done)
                }
                #expect(try await database.videos.video(video)?.failure == .corrupt)
                #expect(try await database.outbox().isEmpty)
                #expect(try await database.claim(video, database.id()) == .obsolete)
                // A letter that it got nevertheless (its worker died before deleting the message) is not kept.
                #expect(try await database.judge(video) == .delete)
            }
        }
    }
}
