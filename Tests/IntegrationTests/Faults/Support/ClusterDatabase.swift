import Glibc
import Logging
import Transport

/// What a test sees of a cluster's tables, by a connection of its own to the folder's server.
struct ClusterDatabase: Sendable {
    static let jobs = "anb-video-processing-queue"
    static let deadLetters = "anb-video-processing-dlq"

    let client: PostgresClient

    static func use<Result>(of cluster: Cluster, _ body: (ClusterDatabase) async throws -> Result) async throws
        -> Result
    {
        // The server's socket is reached through a descriptor, as its path may be longer than a socket's may be.
        let folder = open(cluster.dataFolder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw RunningProgram.Failed(description: "\(cluster.dataFolder): errno \(errno)") }
        defer { close(folder) }
        let configuration = PostgresConfiguration(
            parameters: [
                ("host", "/proc/self/fd/\(folder)/pg"), ("port", "5432"), ("user", "postgres"), ("dbname", "postgres"),
            ], applicationName: "anb faults")
        return try await use(configuration, body)
    }

    static func use<Result>(
        _ configuration: PostgresConfiguration, _ body: (ClusterDatabase) async throws -> Result
    ) async throws -> Result {
        var configuration = configuration
        configuration.poolSize = 2
        configuration.statementDeadline = .seconds(5)
        let client = PostgresClient(configuration: configuration, logger: Logger(label: "faults"))
        try client.start()
        defer { client.shutdown() }
        return try await body(ClusterDatabase(client: client))
    }

    /// One whole number; asked again while the server is away.
    func number(_ sql: String) async throws -> Int {
        Int(try await rows("SELECT (\(sql))::int8")[0].int64(0))
    }

    /// The texts of one column.
    func texts(_ sql: String) async throws -> [String] {
        var texts: [String] = []
        for row in try await rows(sql) { texts.append(try row.text(0)) }
        return texts
    }

    /// The server's processes that serve nodes.
    func backends() async throws -> [pid_t] {
        let sql = """
            SELECT pid::text FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND application_name = 'anb'
            """
        return try await texts(sql).compactMap { pid_t($0) }
    }

    private func rows(_ sql: String) async throws -> PostgresRows {
        try await eventually("the database answers: \(sql)", within: .seconds(20)) {
            do throws(PostgresError) {
                return try await client.query(PostgresStatement(sql, sql))
            } catch {
                // Class 57 is the server's coming and going (manual, appendix A).
                if case .server(let state, _, _) = error, !state.hasPrefix("57") { throw error }
                return nil
            }
        }
    }

    // MARK: - Words of the delivery

    /// What happened to a video, oldest first.
    func events(of video: String) async throws -> [String] {
        try await texts("SELECT kind FROM video_events WHERE video_id = '\(video)' ORDER BY id")
    }

    func count(_ kind: String, of video: String) async throws -> Int {
        try await events(of: video).filter { $0 == kind }.count
    }

    /// Messages and outbox entries that speak of a video, dead letters apart.
    func messages(of video: String) async throws -> Int {
        try await number(
            "SELECT (SELECT count(*) FROM queue_messages WHERE queue = '\(Self.jobs)' AND body LIKE '%\(video)%')"
                + " + (SELECT count(*) FROM outbox WHERE video_id = '\(video)')")
    }

    func deadLetters(of video: String) async throws -> Int {
        try await number(
            "SELECT count(*) FROM queue_messages WHERE queue = '\(Self.deadLetters)' AND body LIKE '%\(video)%'")
    }

    /// A column of the video's row; nil without a row.
    func value(_ column: String, of video: String) async throws -> String? {
        try await texts("SELECT \(column)::text FROM videos WHERE id = '\(video)'").first
    }
}
