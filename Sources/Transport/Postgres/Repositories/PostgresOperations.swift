import Actors
import FoundationEssentials

/// What operators ask of the database: `anb video`, `anb account`, `anb queue`, `anb dlq`, `anb doctor`.
package struct PostgresOperations: Sendable {
    private let database: PostgresDatabase

    package init(client: PostgresClient) {
        database = PostgresDatabase(client: client)
    }

    /// Oldest first; empty for a video that never was, or whose events were pruned.
    package func events(of video: VideoID) async throws(RepositoryError) -> [VideoEvent] {
        try await database.query(OperationStatements.events, [.id(video)]) { rows throws(PostgresError) in
            var events: [VideoEvent] = []
            for row in rows {
                guard let kind = VideoEvent.Kind(rawValue: try row.text(1)) else {
                    throw .decoding(column: 1, reason: "no kind of an event")
                }
                events.append(
                    VideoEvent(
                        at: try row.date(0), kind: kind, cause: try row.optionalText(2), dispatch: try row.count(3),
                        attempts: try row.count(4), node: try row.optionalUUID(5).map { NodeID($0) },
                        requestID: try row.optionalText(6)))
            }
            return events
        }
    }

    /// Failed videos whose message is among the dead letters, the latest first.
    /// - Parameter video: only of this one.
    package func deadLetters(limit: Int, of video: VideoID? = nil) async throws(RepositoryError) -> [DeadLetter] {
        let parameters: [PostgresValue] = [.int64(Int64(limit)), .id(video)]
        return try await database.query(OperationStatements.deadLetters, parameters) { rows throws(PostgresError) in
            var letters: [DeadLetter] = []
            for row in rows {
                letters.append(
                    DeadLetter(
                        video: try row.id(0), title: try row.text(1), owner: try row.text(2), code: try row.text(3),
                        reason: try row.text(4), dispatch: try row.count(5), attempts: try row.count(6),
                        claims: try row.count(7), failedAt: try row.date(8)))
            }
            return letters
        }
    }

    /// A new dispatch of a failed video, attempts from 0. Its old letter is removed by the Reconciler.
    /// - Returns: false when there is no such failed video.
    package func redrive(_ video: VideoID, newToken: LeaseToken, node: NodeID) async throws(RepositoryError) -> Bool {
        let parameters: [PostgresValue] = [.id(video), .id(newToken), .id(node)]
        return try await database.query(OperationStatements.redrive, parameters) { rows throws(PostgresError) in
            !rows.isEmpty
        }
    }

    /// Makes all tokens of an account void, on every node.
    /// - Returns: false when there is no such account.
    package func revokeTokens(of email: EmailAddress) async throws(RepositoryError) -> Bool {
        try await database.query(OperationStatements.revoke, [.text(email.folded)]) { rows throws(PostgresError) in
            !rows.isEmpty
        }
    }

    /// The last step of the schema, and the server's version and time.
    package func server() async throws(RepositoryError) -> Server {
        try await database.query(OperationStatements.server) { rows throws(PostgresError) in
            let row = rows[0]
            return Server(
                version: try row.text(0), schema: try row.count(1), time: try row.date(2),
                maximumConnections: try row.count(3), connections: try row.count(4),
                losesCommits: try row.textArray(5))
        }
    }

    package struct DeadLetter: Sendable, Equatable {
        package let video: VideoID
        package let title: String
        package let owner: String
        package let code: String
        package let reason: String
        package let dispatch: Int
        package let attempts: Int
        package let claims: Int
        package let failedAt: Date
    }

    package struct Server: Sendable, Equatable {
        package let version: String
        package let schema: Int
        package let time: Date
        /// For all clients together.
        package let maximumConnections: Int
        /// Open ones, as far as this user may see them.
        package let connections: Int
        /// Settings by which an answered commit could be lost, as `name = value`.
        package let losesCommits: [String]
    }
}

private enum OperationStatements {
    static let events = PostgresStatement(
        "operations_events",
        """
        SELECT at, kind, cause, dispatch, attempts, node, request_id FROM video_events WHERE video_id = $1 ORDER BY id
        """)

    static let deadLetters = PostgresStatement(
        "operations_dead_letters",
        """
        SELECT v.id, v.title, u.username, v.failure_code, v.failure_english, v.dispatch, v.attempts, v.claims, v.moved_at
        FROM videos v JOIN users u ON u.id = v.owner_id 
        WHERE v.state = 3 AND v.keeps_letter AND ($2::uuid IS NULL OR v.id = $2)
        ORDER BY v.moved_at DESC, v.id LIMIT $1
        """)

    static let redrive = PostgresStatement(
        "operations_redrive",
        """
        WITH written AS (
            UPDATE videos SET token = $2, state = 0, attempts = 0, progress = 0, keeps_letter = false,
                failure_code = NULL, failure_spanish = NULL, failure_english = NULL, redispatches = 0,
                dispatch = dispatch + 1, claims = 0, lease_until = '-infinity', claimed_by = NULL, moved_at = now()
            WHERE id = $1 AND state = 3
            RETURNING id, dispatch, attempts
        ), told AS (
            INSERT INTO video_events (video_id, kind, dispatch, attempts, node)
            SELECT id, '\(VideoEvent.Kind.redriven.rawValue)', dispatch, attempts, $3 FROM written
        ), sent AS (
            INSERT INTO outbox (destination, video_id, dispatch) SELECT 'jobs', id, dispatch FROM written
            RETURNING pg_notify('anb_outbox', '')
        )
        SELECT 1 FROM written UNION ALL SELECT 1 FROM videos WHERE id = $1 AND token = $2
        """)

    static let revoke = PostgresStatement(
        "operations_revoke",
        """
        UPDATE users SET token_epoch = token_epoch + 1 WHERE email_folded = $1
        RETURNING pg_notify('anb_accounts', '')
        """)

    static let server = PostgresStatement(
        "operations_server",
        """
        SELECT current_setting('server_version'), (SELECT max(number) FROM schema_migrations), clock_timestamp(),
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
            (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
            ARRAY(SELECT name || ' = ' || setting FROM pg_settings
                WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name)
        """)
}
