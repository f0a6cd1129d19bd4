import Glibc
import Logging
import Testing
import Transport

@Suite("A PostgreSQL client in trouble", .timeLimit(.minutes(2)))
struct PostgresFaultTests {
    @Test("stops the statement of a cancelled task on the server before it throws")
    func cancellation() async throws {
        try await withClient(name: "cancellation") { client in
            try await withClient { observer in
                let sleep = Task { try await client.query(.sleep, [.double(60), .int64(0)], deadline: .seconds(60)) }
                try await eventually("the statement runs") {
                    try await runningSleeps(observer, name: "cancellation") == 1
                }
                sleep.cancel()
                let result = await sleep.result
                #expect(throws: PostgresError.cancelled) { _ = try result.get() }
                #expect(try await runningSleeps(observer, name: "cancellation") == 0)
            }
        }
    }

    @Test("does not send a statement whose task is cancelled already")
    func cancelledBefore() async throws {
        try await withClient { client in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.query(.sleep, [.double(60), .int64(0)])
            }
            let result = await task.result
            #expect(throws: PostgresError.cancelled) { _ = try result.get() }
        }
    }

    @Test("stops a statement on the server at its deadline")
    func deadline() async throws {
        try await withClient(name: "deadline", { $0.poolSize = 1 }) { client in
            try await withClient { observer in
                // Connected and prepared: all of the deadline is for the server.
                try await client.query(.sleep, [.double(0), .int64(0)])
                await #expect(throws: PostgresError.deadlineExceeded) {
                    try await client.query(.sleep, [.double(60), .int64(0)], deadline: .milliseconds(200))
                }
                #expect(try await runningSleeps(observer, name: "deadline") == 0)
                #expect(try await client.query(.one)[0].int64(0) == 1)
            }
        }
    }

    @Test("a caller who waits for a connection gives up at its own deadline")
    func waitingDeadline() async throws {
        try await withClient(name: "waiting", { $0.poolSize = 1 }) { client in
            try await withClient { observer in
                let sleep = Task { try await client.query(.sleep, [.double(60), .int64(0)], deadline: .seconds(60)) }
                try await eventually("the statement runs") {
                    try await runningSleeps(observer, name: "waiting") == 1
                }
                await #expect(throws: PostgresError.deadlineExceeded) {
                    try await client.query(.one, deadline: .milliseconds(20))
                }
                #expect(try await runningSleeps(observer, name: "waiting") == 1)
                sleep.cancel()
                _ = await sleep.result
            }
        }
    }

    @Test("a cancelled statement never stops the next one on its connection")
    func cancelHitsNobodyElse() async throws {
        try await withClient({ $0.poolSize = 1 }) { client in
            for turn in 0..<150 {
                let doomed = Task { try await client.query(.sleep, [.double(0.0005), .int64(Int64(turn))]) }
                let cancel = Task { doomed.cancel() }
                await cancel.value
                _ = await doomed.result
                let rows = try await client.query(.echo, [.int64(Int64(turn))])
                #expect(try rows[0].int64(0) == Int64(turn))
            }
        }
    }

    @Test("gives up the connection if the server does not stop in time, and says that the effect is unknown")
    func silentServer() async throws {
        try await withClient({ $0.cancelGrace = .milliseconds(200) }) { client in
            let backend = try await client.query(.backend)[0].int32(0)
            kill(backend, SIGSTOP)
            await #expect(throws: PostgresError.connectionLost(mayHaveCommitted: true)) {
                try await client.query(.one, deadline: .milliseconds(100))
            }
            kill(backend, SIGCONT)
            #expect(try await client.query(.backend)[0].int32(0) != backend)
        }
    }

    @Test("replaces a connection that the server ended while it was idle, unnoticed by callers")
    func idleDeath() async throws {
        try await withClient({ $0.poolSize = 1 }) { client in
            try await withClient { killer in
                for _ in 0..<10 {
                    let backend = try await client.query(.backend)[0].int32(0)
                    #expect(try await killer.query(.terminate, [.int32(backend)])[0].bool(0))
                    #expect(try await client.query(.backend)[0].int32(0) != backend)
                }
            }
        }
    }

    @Test("tells the caller whose connection ended in the middle of a statement that its effect is unknown")
    func deathInFlight() async throws {
        try await withClient(name: "in flight") { client in
            try await withClient { killer in
                let sleep = Task { try await client.query(.sleep, [.double(60), .int64(0)]) }
                let kill = PostgresStatement(
                    "kill",
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'in flight' AND wait_event = 'PgSleep'
                    """)
                try await eventually("the statement is found") { try await !killer.query(kill).isEmpty }
                let result = await sleep.result
                #expect(throws: PostgresError.connectionLost(mayHaveCommitted: true)) { _ = try result.get() }
                #expect(try await client.query(.one)[0].int64(0) == 1)
            }
        }
    }

    @Test("lets callers wait through a restart, and knows whether the server is there")
    func restart() async throws {
        let server = PrivatePostgres()
        defer { server.remove() }
        try await withClient(of: server) { client in
            try await eventually("reached without a caller") { client.isReachable }
            _ = try await client.query(.one)
            server.stop()
            try await eventually("the end is noticed") { !client.isReachable }
            let short = await #expect(throws: PostgresError.self) {
                try await client.query(.one, deadline: .milliseconds(300))
            }
            guard case .unavailable = short else {
                Issue.record("\(String(describing: short))")
                return
            }
            try await withThrowingTaskGroup(of: Int64.self) { group in
                for caller in 0..<16 {
                    group.addTask {
                        try await client.query(.echo, [.int64(Int64(caller))], deadline: .seconds(30))[0].int64(0)
                    }
                }
                server.start()
                let answers = try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
                #expect(answers.count == 16)
            }
            #expect(client.isReachable)
        }
    }

    @Test("comes back by itself after a crash of the server, without a caller")
    func crash() async throws {
        let server = PrivatePostgres()
        defer { server.remove() }
        try await withClient(of: server) { client in
            let backend = try await client.query(.backend, deadline: .seconds(30))[0].int32(0)
            kill(backend, SIGKILL)
            let now = PostgresStatement("now", "SELECT pg_postmaster_start_time() > now()")
            try await eventually("answers again") { (try? await client.query(now)) != nil && client.isReachable }
        }
    }

    @Test("of two servers it goes over to the standby that takes the primary's place, and finds all that was written")
    func failover() async throws {
        let primary = PrivatePostgres()
        defer { primary.remove() }
        try await withClient(of: primary) { _ = try await $0.query(.one, deadline: .seconds(30)) }
        let standby = PrivatePostgres(standbyOf: primary)
        defer { standby.remove() }
        // The standby first: it must be passed over as long as it takes no writes.
        let both = try PostgresConfiguration.parse(
            url: "postgres://app@/postgres?host=\(standby.folder),\(primary.folder)")
        try await withClient({ $0 = both }) { client in
            let replicas = PostgresStatement(
                "replicas", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
            try await eventually("the standby follows") { try await client.query(replicas)[0].int64(0) == 1 }
            try await client.execute(script: "CREATE TABLE kept (number int8)")
            let write = PostgresStatement("write", "INSERT INTO kept VALUES ($1)")
            for number in 0..<8 { try await client.query(write, [.int64(Int64(number))], deadline: .seconds(30)) }
            // A fast stop waits until the standby has all.
            primary.stop()
            try await withClient(of: standby) { try await $0.execute(script: "SELECT pg_promote()") }
            try await eventually("the new primary takes writes") {
                (try? await client.query(write, [.int64(8)], deadline: .seconds(1))) != nil
            }
            let kept = PostgresStatement("kept", "SELECT count(DISTINCT number) FROM kept")
            #expect(try await client.query(kept)[0].int64(0) == 9)
        }
    }

    @Test("refuses callers beyond its bound, at once")
    func overload() async throws {
        try await withClient(
            name: "overload",
            {
                $0.poolSize = 1
                $0.maxWaiters = 2
            }
        ) { client in
            try await withClient { observer in
                let first = Task { try await client.query(.sleep, [.double(60), .int64(0)], deadline: .seconds(60)) }
                try await eventually("the statement runs") {
                    try await runningSleeps(observer, name: "overload") == 1
                }
                await withTaskGroup(of: PostgresError?.self) { group in
                    for _ in 0..<3 {
                        group.addTask {
                            do throws(PostgresError) {
                                _ = try await client.query(.one)
                                return nil
                            } catch { return error }
                        }
                    }
                    #expect(await group.next() == .overloaded)
                    client.shutdown()
                    for await error in group {
                        guard case .unavailable = error else {
                            Issue.record("\(String(describing: error))")
                            continue
                        }
                    }
                }
                let result = await first.result
                #expect(throws: PostgresError.cancelled) { _ = try result.get() }
                #expect(try await runningSleeps(observer, name: "overload") == 0)
            }
        }
    }

    @Test("refuses statements before its start and after its end")
    func notRunning() async throws {
        let client = PostgresClient(configuration: PrivatePostgres.shared.configuration, logger: .init(label: "x"))
        await #expect(throws: PostgresError.unavailable("the client is not running")) {
            try await client.query(.one)
        }
        client.shutdown()
        try await client.run()
        await #expect(throws: PostgresError.unavailable("the client is not running")) {
            try await client.query(.one)
        }
        for await _ in client.notifications(channel: "never") { Issue.record("nothing can come") }
    }
}
