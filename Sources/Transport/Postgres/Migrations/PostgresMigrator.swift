import Actors
import Logging

/// Brings a database to the schema that this release needs.
///
/// Each step is one transaction under one advisory lock: nodes that start at the same time wait for each other, and a
/// step is there as a whole or not at all. Steps that a later release added are left alone, so that an older node can
/// still start while a cluster is being replaced.
package struct PostgresMigrator: Sendable {
    private let database: PostgresDatabase
    private let logger: Logger

    package init(client: PostgresClient, logger: Logger) {
        database = PostgresDatabase(client: client)
        self.logger = logger
    }

    /// The last step that this release knows.
    package static var latest: Int { Int(PostgresMigration.all.map(\.number).max() ?? 0) }

    /// Applies what is missing; nothing when the schema is up to date.
    package func run() async throws(RepositoryError) {
        try await run(PostgresMigration.all)
    }

    /// Whether no step was ever applied.
    package func isEmpty() async throws(RepositoryError) -> Bool {
        try await database.query(Self.hasNoTable) { rows throws(PostgresError) in try rows[0].bool(0) }
    }

    func run(_ migrations: [PostgresMigration]) async throws(RepositoryError) {
        for migration in migrations {
            let wasApplied = try await database.transaction { transaction in try await apply(migration, in: transaction)
            }
            guard wasApplied else { continue }
            logger.info("migrated", metadata: ["number": "\(migration.number)", "name": "\(migration.name)"])
        }
    }

    private nonisolated(nonsending) func apply(
        _ migration: PostgresMigration, in transaction: PostgresTransaction
    ) async throws -> Bool {
        try await transaction.execute(script: Self.lockAndTable)
        let known = try await transaction.query(Self.isApplied, [.int32(migration.number)])
        guard known.isEmpty else { return false }
        try await transaction.execute(script: migration.sql)
        try await transaction.query(Self.record, [.int32(migration.number), .text(migration.name)])
        return true
    }

    /// The key is arbitrary, and the only one of its kind in the database. CREATE TABLE IF NOT EXISTS alone may fail
    /// when two sessions run it at once, so the lock comes first.
    private static let lockAndTable = """
        SET LOCAL client_min_messages = warning;
        SET LOCAL statement_timeout = 0;
        SELECT pg_advisory_xact_lock(4706318529571);
        CREATE TABLE IF NOT EXISTS schema_migrations (
            number integer PRIMARY KEY,
            name text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    private static let hasNoTable = PostgresStatement(
        "migration_has_no_table", "SELECT to_regclass('schema_migrations') IS NULL")
    private static let isApplied = PostgresStatement(
        "migration_is_applied", "SELECT 1 FROM schema_migrations WHERE number = $1")
    private static let record = PostgresStatement(
        "migration_record", "INSERT INTO schema_migrations (number, name) VALUES ($1, $2)")
}
