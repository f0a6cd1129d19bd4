import Actors
import FoundationEssentials
import Glibc
import Logging
import Transport

/// The node's connections, and the folder's own server where no URL is configured.
struct DatabaseService: Sendable {
    /// How long a node waits for its database when it starts.
    static let startLimit: Duration = .seconds(60)
    /// Nodes' `application_name`.
    static let nodeName = "anb"
    /// Connections for votes: the lane's writes, and beside them the feed, snapshots, vote-status and pruning.
    static let voteConnections = 2
    /// Those, and the one for notifications of either pool.
    static let connectionsBesidePool = voteConnections + 2

    let client: PostgresClient
    /// Its own pool, because its statements want generic plans (measured: half the CPU of custom ones).
    let voteClient: PostgresClient
    let embedded: EmbeddedPostgres?
    /// How `client` connects.
    let configuration: PostgresConfiguration

    /// - Throws: `NodeFailure` when the database cannot be had.
    /// - Parameter migrates: whether to bring an older schema up to date. An operator's look must not change a cluster
    ///   that runs another version; an empty database is prepared all the same.
    static func start(
        _ configuration: NodeConfiguration, folder: DataFolder, migrates: Bool = true, logger: Logger
    ) async throws -> DatabaseService {
        let url = configuration.text("database.url")
        var embedded: EmbeddedPostgres?
        var base: PostgresConfiguration
        if url.isEmpty {
            let server = EmbeddedPostgres(
                folder: folder, executable: try ownExecutable(), arguments: ["guardian"], logger: logger)
            try server.join()
            try await server.waitUntilReady(deadline: .now + startLimit)
            base = PostgresConfiguration(
                parameters: server.connectionParameters.map { (keyword: $0.0, value: $0.1) })
            embedded = server
        } else {
            base = try remote(url, configuration)
        }
        // So that who looks at pg_stat_activity, `anb restore` for one, can tell nodes from commands.
        base.applicationName = migrates ? nodeName : "anb command"
        base.statementDeadline = configuration.seconds("database.statementSeconds")
        base.poolSize = configuration.integer("database.poolSize")
        var forVotes = base
        forVotes.poolSize = voteConnections
        forVotes.sessionSettings.append(("plan_cache_mode", "force_generic_plan"))
        let service = DatabaseService(
            client: PostgresClient(configuration: base, logger: logger),
            voteClient: PostgresClient(configuration: forVotes, logger: logger), embedded: embedded,
            configuration: base)
        try service.client.start()
        try service.voteClient.start()
        do {
            let migrator = PostgresMigrator(client: service.client, logger: logger)
            try await migrate(migrator, always: migrates, deadline: .now + base.statementDeadline)
        } catch {
            service.stop()
            throw NodeFailure.start("the database cannot be prepared: \(error)")
        }
        return service
    }

    /// A database that is started beside this process, or fails over, is waited for: longer than a statement would.
    private static func migrate(
        _ migrator: PostgresMigrator, always: Bool, deadline: ContinuousClock.Instant
    ) async throws(RepositoryError) {
        while true {
            do throws(RepositoryError) {
                if always { return try await migrator.run() }
                if try await migrator.isEmpty() { try await migrator.run() }
                return
            } catch {
                guard case .unavailable = error, ContinuousClock.now < deadline, !Task.isCancelled else { throw error }
            }
        }
    }

    /// - Throws: `NodeFailure`, whose text holds no part of the URL.
    private static func remote(_ url: String, _ configuration: NodeConfiguration) throws -> PostgresConfiguration {
        var remote: PostgresConfiguration
        // libpq's reason may quote the URL, and with it the password.
        do { remote = try PostgresConfiguration.parse(url: url) } catch {
            throw NodeFailure.usage(
                "database.url is not a URL that libpq understands: postgres://user:password@host:port/database?sslmode=…"
            )
        }
        remote.sessionSettings = serverLimits(statementSeconds: configuration.integer("database.statementSeconds"))
        let file = configuration.text("database.passwordFile")
        if !file.isEmpty {
            guard let data = try? Data(contentsOf: URL(filePath: configuration.absolute(file))) else {
                throw NodeFailure.usage("database.passwordFile: \(file) cannot be read")
            }
            let password = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
            remote.parameters.append(("password", String(password)))
        } else if remote.isOverNetwork, !remote.hasCredentials, configuration.environment["PGPASSWORD"] == nil {
            throw NodeFailure.usage(
                "database.url has no password: put it into the URL (DATABASE_URL), or into a file that database.passwordFile names"
            )
        }
        return remote
    }

    /// For what the server has to end by itself, because the node that began it is cut off: a transaction without a next
    /// statement, whose locks everybody waits for, a statement that the node would have cancelled long ago, and a
    /// connection on which nobody answers. The embedded server has them in its own settings.
    private static func serverLimits(statementSeconds: Int) -> [(name: String, value: String)] {
        [
            (name: "idle_in_transaction_session_timeout", value: "30s"),
            (name: "statement_timeout", value: "\(max(300, 2 * statementSeconds))s"),
            (name: "tcp_keepalives_idle", value: "30"), (name: "tcp_keepalives_interval", value: "10"),
            (name: "tcp_keepalives_count", value: "3"), (name: "tcp_user_timeout", value: "30s"),
        ]
    }

    /// Ends the connections and, for the last node of the folder, the server.
    func stop() {
        client.shutdown()
        voteClient.shutdown()
        embedded?.leave()
    }

    static func ownExecutable() throws -> String {
        guard let resolved = realpath("/proc/self/exe", nil) else {
            throw NodeFailure.start("/proc/self/exe cannot be read: is /proc mounted?")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
