import Actors

/// One moment of the database, as a backup sees it.
package struct DatabaseMoment: Sendable, Equatable {
    /// What rows refer to, by key.
    package let objects: [ObjectKey: String]
    package let users: Int
    package let videos: Int
    package let votes: Int
    /// A line a player with votes: votes, username, city; in the ranking's order.
    package let ranking: [String]
    /// The last step of the schema.
    package let schema: Int

    fileprivate init(_ transaction: PostgresTransaction) async throws {
        var objects: [ObjectKey: String] = [:]
        for row in try await transaction.query(BackupStatements.objects, deadline: .seconds(600)) {
            objects[ObjectKey(try row.text(0))] = try row.text(1)
        }
        self.objects = objects
        let counts = try await transaction.query(BackupStatements.counts, deadline: .seconds(600))[0]
        users = Int(try counts.int64(0))
        videos = Int(try counts.int64(1))
        votes = Int(try counts.int64(2))
        schema = Int(try counts.int64(3))
        var ranking: [String] = []
        for row in try await transaction.query(BackupStatements.ranking, deadline: .seconds(600)) {
            ranking.append("\(try row.int64(0))\t\(try row.text(1))\t\(try row.text(2))")
        }
        self.ranking = ranking
    }
}

extension PostgresClient {
    /// What the database holds at one moment.
    package func moment() async throws -> DatabaseMoment {
        try await withTransaction(.repeatableRead) { try await DatabaseMoment($0) }
    }

    /// The same, while `body` may look at that moment from other connections, by the snapshot's name.
    package func moment(_ body: @Sendable (DatabaseMoment, String) async throws -> Void) async throws {
        try await withTransaction(.repeatableRead) { transaction in
            try await transaction.execute(script: "SET LOCAL idle_in_transaction_session_timeout = 0")
            let name = try await transaction.query(BackupStatements.export)[0].text(0)
            try await body(try await DatabaseMoment(transaction), name)
        }
    }
}

extension PostgresClient {
    /// Connections of others under this name.
    package func connections(named name: String) async throws -> Int {
        Int(try await query(BackupStatements.connections, [.text(name)])[0].int64(0))
    }

    /// Removes every table: what comes instead may be of an older schema.
    package func removeEverything() async throws {
        try await execute(script: "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    }

    /// Removes the rows of videos whose objects are gone: they were deleted while their backup was made.
    package func removeVideos(of keys: [ObjectKey]) async throws {
        let ids = keys.compactMap(\.video)
        guard !ids.isEmpty else { return }
        try await query(BackupStatements.removeVotes, [.uuidArray(ids.map(\.uuid))])
        try await query(BackupStatements.removeVideos, [.uuidArray(ids.map(\.uuid))])
    }
}

private enum BackupStatements {
    static let connections = PostgresStatement(
        "backup_connections",
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()")

    static let removeVotes = PostgresStatement("backup_remove_votes", "DELETE FROM votes WHERE video_id = ANY ($1)")
    static let removeVideos = PostgresStatement("backup_remove_videos", "DELETE FROM videos WHERE id = ANY ($1)")

    static let export = PostgresStatement("backup_export", "SELECT pg_export_snapshot()")

    static let objects = PostgresStatement(
        "backup_objects",
        """
        SELECT original_key, original_content_type FROM videos
        UNION ALL SELECT processed_key, 'video/mp4' FROM videos WHERE state = 2
        UNION ALL SELECT poster_key, 'image/jpeg' FROM videos WHERE state = 2
        """)

    static let counts = PostgresStatement(
        "backup_counts",
        """
        SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM videos), (SELECT count(*) FROM votes),
            (SELECT max(number) FROM schema_migrations)::int8
        """)

    static let ranking = PostgresStatement(
        "backup_ranking",
        """
        SELECT count(*), u.username, u.city
        FROM votes v JOIN videos d ON d.id = v.video_id AND d.state = 2 JOIN users u ON u.id = d.owner_id
        GROUP BY u.id ORDER BY count(*) DESC, u.username COLLATE "C"
        """)
}
