import Actors
import Testing
import Transport

@Suite("Long polls of the queue in the database")
struct LongPollTests {
    private func isListening(_ database: TestDatabase) async throws -> Bool {
        try await database.number(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'
            """) > 0
    }

    @Test("a send notifies the queue's channel, also when the message is delayed", .timeLimit(.minutes(1)))
    func notification() async throws {
        try await withQueue { queue, database in
            let channel = PostgresJobQueueConfiguration.jobs.name
            var signals = database.client.notifications(channel: channel).makeAsyncIterator()
            // The first says that the channel is listened to.
            await signals.next()
            try await queue.send([OutgoingMessage(job: job(database, 1), delay: .seconds(60))])
            #expect(await signals.next() != nil)
        }
    }

    @Test("a send wakes a waiting consumer")
    func send() async throws {
        try await withQueue { queue, database in
            async let received = queue.receive(maximum: 1, visibility: .seconds(60), wait: .seconds(20))
            try await eventually("it listens") { try await isListening(database) }
            let start = ContinuousClock.now
            try await queue.send([OutgoingMessage(job: job(database, 1))])
            #expect(try await received.first?.job == job(database, 1))
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("a message that becomes visible again wakes a waiting consumer")
    func visibility() async throws {
        try await withQueue { queue, database in
            // A connection that is made later would be a reason to look as well.
            _ = try await queue.receive(maximum: 1, visibility: .zero, wait: .milliseconds(1))
            try await eventually("it listens") { try await isListening(database) }
            try await queue.send([OutgoingMessage(job: job(database, 1))])
            let first = try await queue.receive(maximum: 1, visibility: .milliseconds(500), wait: .zero)
            #expect(first.count == 1)
            let start = ContinuousClock.now
            let second = try await queue.receive(maximum: 1, visibility: .seconds(60), wait: .seconds(20))
            #expect(second.first?.receiveCount == 2)
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("a wait without messages ends empty when it is over")
    func idle() async throws {
        try await withQueue { queue, _ in
            let start = ContinuousClock.now
            let received = try await queue.receive(maximum: 1, visibility: .zero, wait: .milliseconds(300))
            #expect(received.isEmpty)
            #expect(ContinuousClock.now - start >= .milliseconds(300))
        }
    }

    @Test("cancelling ends the wait at once, empty")
    func cancellation() async throws {
        try await withQueue { queue, database in
            let received = try await withThrowingTaskGroup(of: [ReceivedMessage].self) { group in
                group.addTask { try await queue.receive(maximum: 1, visibility: .zero, wait: .seconds(20)) }
                try await eventually("it listens") { try await isListening(database) }
                group.cancelAll()
                return try await group.next()
            }
            #expect(received == [])
            // The queue is still of use.
            async let next = queue.receive(maximum: 1, visibility: .seconds(60), wait: .seconds(20))
            try await queue.send([OutgoingMessage(job: job(database, 1))])
            #expect(try await next.count == 1)
        }
    }
}
