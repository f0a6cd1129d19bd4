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

private enum BackupStatements {
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
        "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM videos), (SELECT count(*) FROM votes)")

    static let ranking = PostgresStatement(
        "backup_ranking",
        """
        SELECT count(*), u.username, u.city
        FROM votes v JOIN videos d ON d.id = v.video_id AND d.state = 2 JOIN users u ON u.id = d.owner_id
        GROUP BY u.id ORDER BY count(*) DESC, u.username COLLATE "C"
        """)
}
