import Testing
import Transport

@Suite("A transaction", .timeLimit(.minutes(2)))
struct PostgresTransactionTests {
    private struct Refusal: Error {}

    private static let insert = PostgresStatement("tx insert", "INSERT INTO pg_temp.t VALUES ($1)")
    private static let count = PostgresStatement("tx count", "SELECT count(*) FROM pg_temp.t")

    /// One connection, so that its temporary table is everybody's.
    private func withTable(_ body: @Sendable (PostgresClient) async throws -> Void) async throws {
        try await withClient({ $0.poolSize = 1 }) { client in
            try await client.execute(script: "CREATE TEMPORARY TABLE t (n int8 PRIMARY KEY)")
            try await body(client)
        }
    }

    @Test("commits when its body returns, with the isolation asked for")
    func commits() async throws {
        try await withTable { client in
            let level = try await client.withTransaction(.serializable) { transaction in
                try await transaction.query(Self.insert, [.int64(1)])
                try await transaction.execute(script: "INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)")
                let show = PostgresStatement("level", "SELECT current_setting('transaction_isolation')")
                return try await transaction.query(show)[0].text(0)
            }
            #expect(level == "serializable")
            #expect(try await client.query(Self.count)[0].int64(0) == 3)
        }
    }

    @Test("rolls back when its body throws, and passes the error on")
    func rollsBack() async throws {
        try await withTable { client in
            await #expect(throws: Refusal.self) {
                try await client.withTransaction { transaction in
                    try await transaction.query(Self.insert, [.int64(1)])
                    throw Refusal()
                }
            }
            let rows = try await client.query(Self.count)
            #expect(try rows[0].int64(0) == 0)
        }
    }

    @Test("does not pretend to commit after a statement failed and the body went on")
    func failedStatement() async throws {
        try await withTable { client in
            let error = await #expect(throws: PostgresError.self) {
                try await client.withTransaction { transaction in
                    try await transaction.query(Self.insert, [.int64(1)])
                    _ = try? await transaction.query(Self.insert, [.int64(1)])
                }
            }
            guard case .server("25P02", _, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            let rows = try await client.query(Self.count)
            #expect(try rows[0].int64(0) == 0)
        }
    }

    @Test("rolls back when its task is cancelled in the middle of a statement")
    func cancelled() async throws {
        try await withTable { client in
            let transaction = Task {
                try await client.withTransaction { transaction in
                    try await transaction.query(Self.insert, [.int64(1)])
                    try await transaction.query(.sleep, [.double(60), .int64(0)], deadline: .seconds(60))
                }
            }
            try await withClient { observer in
                try await eventually("the statement runs") { try await runningSleeps(observer, name: "tests") > 0 }
            }
            transaction.cancel()
            let result = await transaction.result
            #expect(throws: PostgresError.cancelled) { _ = try result.get() }
            let rows = try await client.query(Self.count)
            #expect(try rows[0].int64(0) == 0)
        }
    }

    @Test("runs statements started at once one after the other, and none after its end")
    func concurrentStatements() async throws {
        try await withTable { client in
            let escaped = try await client.withTransaction { transaction -> PostgresTransaction in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for n in 0..<20 {
                        group.addTask { _ = try await transaction.query(Self.insert, [.int64(Int64(n))]) }
                    }
                    try await group.waitForAll()
                }
                return transaction
            }
            #expect(try await client.query(Self.count)[0].int64(0) == 20)
            await #expect(throws: PostgresError.connectionLost(mayHaveCommitted: false)) {
                try await escaped.query(Self.count)
            }
        }
    }

    @Test("says that nothing was committed when its connection dies before COMMIT")
    func connectionDies() async throws {
        try await withClient { client in
            _ = await #expect(throws: PostgresError.connectionLost(mayHaveCommitted: false)) {
                try await client.withTransaction { transaction in
                    let backend = try await transaction.query(.backend)[0].int32(0)
                    try await client.query(.terminate, [.int32(backend)])
                }
            }
        }
    }

    @Test("says that it may have committed when the answer to COMMIT is lost")
    func commitIsLost() async throws {
        try await withClient({ $0.poolSize = 2 }) { client in
            // A deferred trigger ends the backend in the middle of COMMIT.
            let script = """
                CREATE TABLE doomed (n int8);
                CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER die AFTER INSERT ON doomed DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION die()
                """
            try await client.execute(script: script)
            await #expect(throws: PostgresError.connectionLost(mayHaveCommitted: true)) {
                try await client.withTransaction { transaction in
                    try await transaction.execute(script: "INSERT INTO doomed VALUES (1)")
                }
            }
            #expect(try await client.query(.one)[0].int64(0) == 1)
        }
    }

    @Test("leaves no connection in a transaction that a script began")
    func scriptLeavesTransactionOpen() async throws {
        try await withClient({ $0.poolSize = 1 }) { client in
            let before = try await client.query(.backend)[0].int32(0)
            try await client.execute(script: "BEGIN")
            #expect(try await client.query(.backend)[0].int32(0) != before)
        }
    }
}
