import Actors
import Testing
import Transport

@Suite("The queue in the database")
struct PostgresJobQueueTests {
    @Test("a message is received once within its visibility, also by consumers at the same time")
    func consumers() async throws {
        try await withQueue { queue, database in
            for start in stride(from: 0, to: 40, by: 10) {
                try await queue.send((start..<start + 10).map { OutgoingMessage(job: job(database, $0 + 1)) })
            }
            let received = try await withThrowingTaskGroup(of: [ReceivedMessage].self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        var mine: [ReceivedMessage] = []
                        while true {
                            let some = try await queue.receive(maximum: 3, visibility: .seconds(60), wait: .zero)
                            if some.isEmpty { return mine }
                            mine += some
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            // A consumer may find the last ones locked by another, but none is received twice.
            #expect(Set(received.map(\.job)).count == 40 && received.count == 40)
            #expect(Set(received.map(\.receipt)).count == 40)
            #expect(received.allSatisfy { $0.receiveCount == 1 })
        }
    }

    @Test("only the last receipt extends or deletes")
    func receipts() async throws {
        try await withQueue { queue, database in
            try await queue.send([OutgoingMessage(job: job(database, 1))])
            let first = try #require(try await queue.receiveNow().first)
            try await database.showAll()
            let second = try #require(try await queue.receiveNow().first)
            #expect(second.receiveCount == 2 && second.receipt != first.receipt && second.job == first.job)
            await #expect(throws: JobQueueError.staleReceipt) { try await queue.delete(first.receipt) }
            await #expect(throws: JobQueueError.staleReceipt) {
                try await queue.extend(first.receipt, visibility: .zero)
            }
            try await queue.extend(second.receipt, visibility: .zero)
            let third = try #require(try await queue.receiveNow().first)
            try await queue.delete(third.receipt)
            await #expect(throws: JobQueueError.staleReceipt) { try await queue.delete(third.receipt) }
            await #expect(throws: JobQueueError.staleReceipt) { try await queue.delete(Receipt(handle: "?")) }
            try await database.showAll()
            #expect(try await queue.receiveNow().isEmpty)
        }
    }

    @Test("a message waits for its delay")
    func delay() async throws {
        try await withQueue { queue, database in
            try await queue.send([OutgoingMessage(job: job(database, 1), delay: .seconds(900))])
            #expect(try await queue.receiveNow().isEmpty)
            let left = "SELECT extract(epoch FROM visible_at - now()) FROM queue_messages"
            #expect((890...900).contains(try await database.number(left)))
            try await database.showAll()
            #expect(try await queue.receiveNow().count == 1)
        }
    }

    @Test("after three receives a message moves to the dead letters instead of being received again")
    func redrive() async throws {
        try await withQueue { queue, database in
            let letters = PostgresJobQueue(client: database.client, configuration: .deadLetters, clock: RealClock())
            try await queue.send([OutgoingMessage(job: job(database, 1))])
            for count in 1...3 {
                #expect(try await queue.receiveNow().map(\.receiveCount) == [count])
                #expect(try await letters.receiveNow().isEmpty)
                try await database.showAll()
            }
            // What can be received behind it is not hidden by it.
            try await queue.send([OutgoingMessage(job: job(database, 2))])
            let next = try await queue.receive(maximum: 1, visibility: .seconds(60), wait: .zero)
            #expect(next.first?.job == job(database, 2))
            for _ in 0..<5 {
                #expect(try await letters.receiveNow().first?.job == job(database, 1))
                try await database.sql("UPDATE queue_messages SET visible_at = now() WHERE queue LIKE '%dlq'")
            }
        }
    }

    @Test("messages end with their retention, four days and fourteen for dead letters")
    func retention() async throws {
        try await withQueue { queue, database in
            let letters = PostgresJobQueue(client: database.client, configuration: .deadLetters, clock: RealClock())
            for target in [queue, letters] {
                try await target.send([OutgoingMessage(job: job(database, 1)), OutgoingMessage(job: job(database, 2))])
            }
            try await database.sql(
                """
                UPDATE queue_messages SET sent_at = now() - CASE WHEN queue LIKE '%dlq' THEN interval '14 days'
                    ELSE interval '4 days' END + CASE WHEN body LIKE '%"dispatch":2}' THEN interval '1 minute'
                    ELSE interval '0' END
                """)
            for target in [queue, letters] {
                #expect(try await target.receiveNow().map(\.job) == [job(database, 2)])
            }
            #expect(try await database.number("SELECT count(*) FROM queue_messages") == 2)
        }
    }

    @Test("a body of another format has no job, and is left to the redrive")
    func unknownFormat() async throws {
        try await withQueue { queue, database in
            try await database.sql(
                """
                INSERT INTO queue_messages (queue, body, visible_at)
                VALUES ('\(PostgresJobQueueConfiguration.jobs.name)', '{"format":2,"x":1}', now())
                """)
            let message = try #require(try await queue.receiveNow().first)
            #expect(message.job == nil && message.receiveCount == 1)
        }
    }

    @Test("requests beyond SQS's limits are rejected")
    func limits() async throws {
        try await withQueue { queue, database in
            let message = OutgoingMessage(job: job(database, 1))
            let late = OutgoingMessage(job: job(database, 1), delay: .seconds(901))
            for messages in [[late], Array(repeating: message, count: 11)] {
                await #expect(throws: JobQueueError.self) { try await queue.send(messages) }
            }
            await #expect(throws: JobQueueError.self) {
                try await queue.receive(maximum: 11, visibility: .zero, wait: .zero)
            }
            await #expect(throws: JobQueueError.self) {
                try await queue.receive(maximum: 1, visibility: .zero, wait: .seconds(21))
            }
            let stored = try await database.number("SELECT count(*) FROM queue_messages")
            #expect(stored == 0)
        }
    }
}
