import Actors
import Testing
import Transport

extension Repositories {
    @Suite("Migrations")
    struct MigrationTests {
        @Test("nodes that start at the same time migrate an empty database once")
        func concurrentStart() async throws {
            try await withDatabase(isMigrated: false) { database in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<5 {
                        group.addTask {
                            try await PostgresMigrator(client: database.client, logger: silentLogger).run()
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await database.number("SELECT count(*) FROM schema_migrations") == 6)
                _ = try await database.makeProcessedVideo()
            }
        }

        /// During a roll both releases run on one schema: a step adds, and what the former release reads stays.
        @Test("no step takes away, renames or tightens what a former release uses")
        func expanding() {
            let taking = ["DROP TABLE", "DROP COLUMN", "RENAME", "SET NOT NULL", " TYPE ", "TRUNCATE", "DELETE FROM"]
            for migration in PostgresMigration.all {
                let words = migration.sql.split(whereSeparator: \.isWhitespace).joined(separator: " ").uppercased()
                for phrase in taking { #expect(!words.contains(phrase), "\(migration.name): \(phrase)") }
            }
        }

        @Test("migrating again changes nothing, and a later release's steps do no harm")
        func again() async throws {
            try await withDatabase { database in
                try await database.sql("INSERT INTO schema_migrations (number, name) VALUES (99, 'later')")
                try await PostgresMigrator(client: database.client, logger: silentLogger).run()
                #expect(try await database.number("SELECT count(*) FROM schema_migrations") == 7)
            }
        }
    }
}
