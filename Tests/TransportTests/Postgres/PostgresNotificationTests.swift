import Testing
import Transport

@Suite("PostgreSQL notifications", .timeLimit(.minutes(2)))
struct PostgresNotificationTests {
    private static let listener = PostgresStatement(
        "listener", "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND query LIKE 'LISTEN%'")

    @Test("arrive, after a first element that asks for a look at what is there")
    func arrival() async throws {
        try await withClient { client in
            var stream = client.notifications(channel: "Clips \"new\"").makeAsyncIterator()
            #expect(await stream.next() != nil)
            for _ in 0..<5 {
                try await client.execute(script: "NOTIFY \"Clips \"\"new\"\"\"")
                #expect(await stream.next() != nil)
            }
        }
    }

    @Test("are shared by all subscribers of a channel and kept apart from other channels")
    func sharing() async throws {
        try await withClient(name: "sharing") { client in
            var first = client.notifications(channel: "a").makeAsyncIterator()
            var second = client.notifications(channel: "a").makeAsyncIterator()
            var other = client.notifications(channel: "b").makeAsyncIterator()
            for _ in 0..<2 {
                #expect(await first.next() != nil)
                #expect(await second.next() != nil)
                try await client.execute(script: "NOTIFY a")
            }
            #expect(await other.next() != nil)
            try await client.execute(script: "NOTIFY b")
            #expect(await other.next() != nil)
            #expect(try await client.query(Self.listener, [.text("sharing")]).count == 1)
        }
    }

    @Test("are listened to again after their connection was ended, with an element to catch up")
    func resubscription() async throws {
        try await withClient(name: "resubscription") { client in
            var stream = client.notifications(channel: "c").makeAsyncIterator()
            #expect(await stream.next() != nil)
            for _ in 0..<3 {
                let rows = try await client.query(Self.listener, [.text("resubscription")])
                let pid = try #require(rows.first).int32(0)
                #expect(try await client.query(.terminate, [.int32(pid)])[0].bool(0))
                #expect(await stream.next() != nil)
                try await client.execute(script: "NOTIFY c")
                #expect(await stream.next() != nil)
            }
        }
    }

    @Test("end with the client, and give up the connection with the last subscriber")
    func ending() async throws {
        try await withClient(name: "ending") { client in
            let task = Task {
                for await _ in client.notifications(channel: "d") {}
            }
            try await eventually("it listens") {
                try await client.query(Self.listener, [.text("ending")]).count == 1
            }
            task.cancel()
            await task.value
            try await eventually("it has left") {
                try await client.query(Self.listener, [.text("ending")]).isEmpty
            }
            let stream = client.notifications(channel: "d")
            client.shutdown()
            for await _ in stream {}
        }
    }
}
