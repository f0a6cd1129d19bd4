import Actors
import Testing
import Transport

extension Repositories {
    @Suite("What the Reconciler and the relay do in SQL")
    struct ReconcilerTests {
        private func redispatch(_ database: any DomainDatabase) async throws -> Int {
            try await database.videos.redispatchLost(after: .seconds(100), limit: 10, makeToken: { database.id() })
        }

        @Test(
            "a lost message is sent anew whether or not its row was claimed (defect D)",
            arguments: DatabaseService.allCases, [false, true])
        func lostMessage(service: DatabaseService, isClaimed: Bool) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                if isClaimed { _ = try await database.claimed(video) }
                // Under its lease, or too early.
                for seconds in [40, 50] {
                    try await database.elapse(.seconds(seconds))
                    #expect(try await redispatch(database) == 0)
                }
                try await database.elapse(.seconds(11))
                #expect(try await redispatch(database) == 1)
                #expect(try await database.outbox().map(\.dispatch.number) == [2])
                #expect(try await database.claims(of: video) == 0)
            }
        }

        @Test("the wait doubles with each re-dispatch, until a claim", arguments: DatabaseService.allCases)
        func doubling(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeVideo()
                for (number, wait) in [100, 200, 400].enumerated() {
                    try await database.elapse(.seconds(wait - 5))
                    #expect(try await redispatch(database) == 0)
                    try await database.elapse(.seconds(10))
                    #expect(try await redispatch(database) == 1)
                    #expect(try await database.outbox().map(\.dispatch.number) == [number + 2])
                    try await database.emptyOutbox()
                }
                let token = try await database.claimed(video, dispatch: 4)
                let dispatch = Dispatch(video: video, number: 4)
                #expect(try await database.videos.handBack(dispatch, token: token, newToken: database.id()) == .done)
                try await database.emptyOutbox()
                try await database.elapse(.seconds(101))
                #expect(try await redispatch(database) == 1)
            }
        }

        @Test("a row whose message still waits in the outbox is not lost", arguments: DatabaseService.allCases)
        func waitingMessage(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser()
                _ = try await database.videos.create(database.newVideo(of: owner.id), maximumPerPlayer: 1)
                try await database.elapse(.seconds(86_400))
                #expect(try await redispatch(database) == 0)
            }
        }

        @Test("two Reconcilers at once send each lost row once", arguments: DatabaseService.allCases)
        func concurrentRedispatch(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser()
                for _ in 0..<20 { _ = try await database.makeVideo(of: owner.id) }
                try await database.elapse(.seconds(101))
                let total = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<6 { group.addTask { try await redispatch(database) } }
                    return try await group.reduce(0, +)
                }
                #expect(total == 20)
                #expect(Set(try await database.outbox().map(\.dispatch)).count == 20)
            }
        }

        @Test("one node holds the Reconciler's lease until it ends", arguments: DatabaseService.allCases)
        func lease(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let (mine, other): (NodeID, NodeID) = (database.id(), database.id())
                let hold = { (node: NodeID) in
                    try await database.videos.holdReconcilerLease(node, for: .seconds(60))
                }
                let now = try #require(try await hold(mine))
                if service == .postgres { #expect(abs(now.timeIntervalSinceNow) < 60) }
                #expect(try await hold(other) == nil)
                #expect(try await hold(mine) != nil)
                try await database.elapse(.seconds(61))
                #expect(try await hold(other) != nil)
                #expect(try await hold(mine) == nil)
            }
        }

        @Test(
            "relays at once share the outbox out among them, and what a dead one held comes back",
            arguments: DatabaseService.allCases)
        func relays(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser()
                for _ in 0..<30 {
                    _ = try await database.videos.create(database.newVideo(of: owner.id), maximumPerPlayer: 50)
                }
                let taken = try await withThrowingTaskGroup(of: [OutboxEntry].self) { group in
                    for _ in 0..<6 {
                        group.addTask { try await database.videos.takeOutbox(limit: 10, holdFor: .seconds(60)) }
                    }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
                #expect(Set(taken.map(\.id)).count == taken.count)
                try await database.videos.removeOutbox(taken.dropFirst().map(\.id))
                try await database.videos.removeOutbox(taken.dropFirst().map(\.id))
                _ = try await database.videos.takeOutbox(limit: 30, holdFor: .seconds(60))
                #expect(try await database.outbox().isEmpty)
                try await database.elapse(.seconds(61))
                let left = try await database.videos.takeOutbox(limit: 30, holdFor: .seconds(60))
                #expect(left.count == 31 - taken.count)
                #expect(left.map(\.id) == left.map(\.id).sorted())
            }
        }

        @Test(
            "an outbox entry notifies the relays in its own transaction", .timeLimit(.minutes(1)),
            arguments: DatabaseService.allCases)
        func notifies(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let owner = try await database.makeUser()
                let feed = database.feed
                var changes = feed.changes(on: .outbox).makeAsyncIterator()
                // The first signal says that the channel is listened to.
                await changes.next()
                _ = try await database.videos.create(database.newVideo(of: owner.id), maximumPerPlayer: 1)
                await changes.next()
                #expect(try await database.outbox().count == 1)
                var votes = feed.changes(on: .votes).makeAsyncIterator()
                await votes.next()
                try await feed.announce(.votes)
                #expect(await votes.next() != nil)
            }
        }
    }
}
