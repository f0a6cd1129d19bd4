import FoundationEssentials
import Glibc
import Logging
import Testing
import Transport

extension PostgresStatement {
    static let one = PostgresStatement("one", "SELECT 1::int8")
    static let echo = PostgresStatement("echo", "SELECT $1")
    static let backend = PostgresStatement("backend", "SELECT pg_backend_pid()")
    static let sleep = PostgresStatement("sleep", "SELECT pg_sleep($1), $2")
    static let terminate = PostgresStatement("terminate", "SELECT pg_terminate_backend($1, 5000)")
    static let running = PostgresStatement(
        "running",
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE state = 'active' AND wait_event = 'PgSleep' AND application_name = $1
        """)
}

/// Runs a client around `body`, and shuts it down after it.
@discardableResult
func withClient<R: Sendable>(
    of server: PrivatePostgres = .shared,
    name: String = "tests",
    _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: @Sendable (PostgresClient) async throws -> R,
) async throws -> R {
    var configuration = server.configuration
    configuration.applicationName = name
    change(&configuration)
    var logger = Logger(label: "postgres.tests")
    logger.logLevel = .critical
    let client = PostgresClient(configuration: configuration, logger: logger)
    try client.start()
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run() }
        let result: Result<R, any Error>
        do { result = .success(try await body(client)) } catch { result = .failure(error) }
        client.shutdown()
        try await group.waitForAll()
        return try result.get()
    }
}

/// Asks until the answer is true: for what happens in another process, which tells nobody.
func eventually(
    within limit: Duration = .seconds(20),
    _ what: Comment,
    _ condition: () async throws -> Bool,
) async throws {
    let end = ContinuousClock.now.advanced(by: limit)
    while ContinuousClock.now < end {
        if try await condition() { return }
        await Task.yield()
        usleep(1000)
    }
    Issue.record(what)
}

func runningSleeps(_ client: PostgresClient, name: String) async throws -> Int64 {
    try await client.query(.running, [.text(name)])[0].int64(0)
}
