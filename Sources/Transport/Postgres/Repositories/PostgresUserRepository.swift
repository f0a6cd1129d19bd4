import Actors
import FoundationEssentials

package struct PostgresUserRepository: UserRepository {
    /// Each time another sign-up took the same username meanwhile, so the connections of all nodes bound it in practice.
    private static let maximumUsernameClashes = 200

    private let database: PostgresDatabase

    package init(client: PostgresClient) {
        database = PostgresDatabase(client: client)
    }

    package func create(_ user: NewUser) async throws(RepositoryError) -> CreateUserVerdict {
        let parameters: [PostgresValue] = [
            .id(user.id), .text(user.firstName), .text(user.lastName), .text(user.email.text),
            .text(user.email.folded), .text(user.city), .text(FoldedText(user.city).text), .text(user.country),
            .text(user.usernameBase), .text(user.passwordHash),
        ]
        for _ in 0..<Self.maximumUsernameClashes {
            let found = try await database.query(UserStatements.create, parameters) { rows throws(PostgresError) in
                var users: [User] = []
                for row in rows { users.append(try Self.user(row)) }
                return users
            }
            if let mine = found.first(where: { $0.id == user.id }) { return .created(mine) }
            if !found.isEmpty { return .emailTaken }
            // Neither written nor there when the statement began: who came first shows in the next one.
        }
        throw .unavailable("too many sign-ups want the username \(user.usernameBase)")
    }

    package func account(email: EmailAddress) async throws(RepositoryError) -> Account? {
        try await database.query(UserStatements.byEmail, [.text(email.folded)]) { rows throws(PostgresError) in
            guard let row = rows.first else { return nil }
            return Account(user: try Self.user(row), passwordHash: try row.text(Self.userColumnCount))
        }
    }

    package func user(_ id: UserID) async throws(RepositoryError) -> User? {
        try await database.query(UserStatements.byID, [.id(id)]) { rows throws(PostgresError) in
            guard let row = rows.first else { return nil }
            return try Self.user(row)
        }
    }

    /// Locks in the order of the vote statement (videos, then users), which waits for the one or finds neither; what
    /// came to be before the locks is seen by the statements after them. The feed's own writer comes last, because its
    /// row makes erasures follow each other.
    package func erase(_ id: UserID) async throws(RepositoryError) -> ErasedAccount? {
        try await database.transaction { transaction in
            try await transaction.query(UserStatements.lockVideos, [.id(id)])
            guard try await transaction.query(UserStatements.lock, [.id(id)]).count == 1 else { return nil }
            var objects: [ObjectKey] = []
            // Again: an upload that held the account's row is over by now.
            for row in try await transaction.query(UserStatements.lockVideos, [.id(id)]) {
                let video: VideoID = try row.id(0)
                objects += [ObjectKey(try row.text(1)), .processedVideo(video), .poster(video)]
            }
            try await transaction.query(
                UserStatements.takeVotesBack, [.id(id)], deadline: Self.takeBackDeadline)
            try await transaction.query(UserStatements.removeVideos, [.id(id)])
            try await transaction.query(IdempotencyStatements.removeOfUser, [.id(id)])
            try await transaction.query(UserStatements.remove, [.id(id)])
            return ErasedAccount(objects: objects)
        }
    }

    /// A favourite's votes may be millions.
    private static let takeBackDeadline: Duration = .seconds(300)
    private static let userColumnCount = 10

    /// Reads `UserStatements.columns`.
    private static func user(_ row: PostgresRow) throws(PostgresError) -> User {
        guard let email = EmailAddress(try row.text(3)) else { throw .decoding(column: 3, reason: "not an address") }
        return User(
            id: try row.id(0), firstName: try row.text(1), lastName: try row.text(2), email: email,
            city: try row.text(4), country: try row.text(5), username: try row.text(6), isActive: try row.bool(7),
            createdAt: try row.date(8), tokenEpoch: try row.count(9))
    }
}

private enum UserStatements {
    static let columns = "id, first_name, last_name, email, city, country, username, is_active, created_at, token_epoch"

    /// Writes the account under the first free username, or returns who already has the id or the address. No row: a
    /// sign-up that ended during the statement has the address or the username.
    ///
    /// A sub-select's set-returning function yields row by row, so that the search ends at the first free number; in
    /// FROM it would be made as a whole first.
    static let create = PostgresStatement(
        "user_create",
        """
        WITH known AS MATERIALIZED (
            SELECT \(columns) FROM users WHERE id = $1 OR email_folded = $5
        ), free AS (
            SELECT name FROM (
                SELECT $9 || CASE WHEN n = 1 THEN '' ELSE n::text END AS name
                FROM (SELECT generate_series(1, 1000000) AS n) AS numbers
            ) AS names
            WHERE NOT EXISTS (SELECT FROM users WHERE username = name)
            LIMIT 1
        ), written AS (
            INSERT INTO users (
                id, first_name, last_name, email, email_folded, city, city_folded, country, username, password_hash)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, name, $10 FROM free WHERE NOT EXISTS (SELECT FROM known)
            ON CONFLICT DO NOTHING
            RETURNING \(columns)
        )
        SELECT * FROM written UNION ALL SELECT * FROM known
        """)

    static let byEmail = PostgresStatement(
        "user_by_email", "SELECT \(columns), password_hash FROM users WHERE email_folded = $1")

    static let byID = PostgresStatement("user_by_id", "SELECT \(columns) FROM users WHERE id = $1")

    // MARK: - Erasure, one transaction

    static let lockVideos = PostgresStatement(
        "user_lock_videos", "SELECT id, original_key FROM videos WHERE owner_id = $1 ORDER BY id FOR UPDATE")

    static let lock = PostgresStatement("user_lock", "SELECT 1 FROM users WHERE id = $1 FOR UPDATE")

    /// The votes of the account and those for it go; what they counted goes into the feed as its own writer's batch.
    static let takeVotesBack = PostgresStatement(
        "user_take_votes_back",
        """
        WITH taken AS (
            DELETE FROM votes WHERE user_id = $1 OR video_id IN (SELECT id FROM videos WHERE owner_id = $1)
            RETURNING player_id
        ), counted AS (
            SELECT player_id, -count(*)::integer AS votes FROM taken GROUP BY player_id
        ), feed AS (
            UPDATE vote_writers SET last_number = last_number + 1
            WHERE id = '00000000-0000-0000-0000-000000000000' AND EXISTS (SELECT FROM counted)
            RETURNING id, last_number
        )
        INSERT INTO vote_batches (writer, n, players, deltas)
        SELECT feed.id, feed.last_number, array_agg(player_id), array_agg(votes) FROM feed CROSS JOIN counted
        GROUP BY feed.id, feed.last_number
        RETURNING pg_notify('anb_votes', '')
        """)

    static let removeVideos = PostgresStatement(
        "user_remove_videos",
        """
        WITH gone AS (
            DELETE FROM videos WHERE owner_id = $1 RETURNING id, pg_notify('anb_videos', '')
        ), unsent AS (
            DELETE FROM outbox USING gone WHERE video_id = gone.id
        )
        DELETE FROM video_events USING gone WHERE video_id = gone.id
        """)

    static let remove = PostgresStatement(
        "user_remove", "DELETE FROM users WHERE id = $1 RETURNING pg_notify('anb_accounts', '')")
}
