import Actors
import FoundationEssentials
import Glibc
import Testing
import Transport

/// Suites that also run over TCP with TLS: beside the servers of `deploy/aws-local`.
enum Repositories {}

struct SystemRandom: RandomSource {
    func next() -> UInt64 { UInt64.random(in: .min ... .max) }
}

/// A database of its own for one test, with the current schema.
struct TestDatabase: DomainDatabase {
    let client: PostgresClient
    let users: PostgresUserRepository
    let videos: PostgresVideoRepository
    let votes: PostgresVoteRepository
    let keys: PostgresIdempotencyRepository
    let feed: PostgresChangeFeed

    init(client: PostgresClient) {
        self.client = client
        users = PostgresUserRepository(client: client)
        videos = PostgresVideoRepository(client: client)
        votes = PostgresVoteRepository(client: client)
        keys = PostgresIdempotencyRepository(client: client)
        feed = PostgresChangeFeed(client: client)
    }

    func sql(_ script: String) async throws { try await client.execute(script: script) }

    /// Every time in every table is earlier by that.
    func elapse(_ duration: Duration) async throws {
        try await sql(
            """
            DO $$
            DECLARE times record;
            BEGIN
                FOR times IN
                    SELECT table_name,
                        string_agg(format('%1$I = %1$I - interval ''\(duration.inSeconds) s''', column_name), ', ') AS moved
                    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
                    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
                        AND data_type = 'timestamp with time zone'
                    GROUP BY table_name
                LOOP
                    EXECUTE format('UPDATE %I SET %s', times.table_name, times.moved);
                END LOOP;
            END $$
            """)
    }

    func claims(of video: VideoID) async throws -> Int { try await column("claims", of: video) }

    func column(_ name: String, of video: VideoID) async throws -> Int {
        try await number("SELECT \(name) FROM videos WHERE id = '\(video)'")
    }

    /// One whole number.
    func number(_ sql: String) async throws -> Int {
        Int(try await client.query(PostgresStatement(sql, "SELECT (\(sql))::int8"))[0].int64(0))
    }
}

/// Runs `body` with a client of a new database, which goes afterwards.
func withDatabase(
    poolSize: Int = 6, isMigrated: Bool = true, _ body: @Sendable (TestDatabase) async throws -> Void
) async throws {
    let name = try await TestDatabases.shared.make(isMigrated: isMigrated)
    try await withClient(name: name) { configuration in
        TestDatabases.choose(name, &configuration)
        configuration.poolSize = poolSize
        configuration.sessionSettings = [("plan_cache_mode", "force_generic_plan")]
    } _: { client in
        try await body(TestDatabase(client: client))
    }
    try await TestDatabases.shared.drop(name)
}

/// Makes databases from a template that was migrated once.
private actor TestDatabases {
    static let shared = TestDatabases()

    /// Of the server that `deploy/aws-local` runs beside the tests, over TCP with TLS; without it a private one's socket.
    private static let url = getenv("ANB_LOCAL_DATABASE_URL").map { String(cString: $0) }

    static func choose(_ database: String?, _ configuration: inout PostgresConfiguration) {
        if let url { configuration.parameters = [("dbname", url)] }
        if let database { configuration.parameters.append(("dbname", database)) }
    }

    private var template: Task<Void, any Error>?
    private var made = 0

    func make(isMigrated: Bool) async throws -> String {
        if template == nil { template = Task { try await Self.makeTemplate() } }
        try await template?.value
        made += 1
        let name = "anb_test_\(made)"
        try await Self.administer("CREATE DATABASE \(name) TEMPLATE \(isMigrated ? "anb_template" : "template0")")
        return name
    }

    func drop(_ name: String) async throws { try await Self.administer("DROP DATABASE \(name) WITH (FORCE)") }

    private static func administer(_ statement: String) async throws {
        try await withClient {
            choose(nil, &$0)
        } _: {
            try await $0.execute(script: statement)
        }
    }

    private static func makeTemplate() async throws {
        try await administer("CREATE DATABASE anb_template TEMPLATE template0")
        try await withClient {
            choose("anb_template", &$0)
        } _: { client in
            try await PostgresMigrator(client: client, logger: silentLogger).run()
        }
    }
}
