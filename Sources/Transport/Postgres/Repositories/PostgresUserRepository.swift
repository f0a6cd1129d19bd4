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

    private static let userColumnCount = 9

    /// Reads `UserStatements.columns`.
    private static func user(_ row: PostgresRow) throws(PostgresError) -> User {
        guard let email = EmailAddress(try row.text(3)) else { throw .decoding(column: 3, reason: "not an address") }
        return User(
            id: try row.id(0), firstName: try row.text(1), lastName: try row.text(2), email: email,
            city: try row.text(4), country: try row.text(5), username: try row.text(6), isActive: try row.bool(7),
            createdAt: try row.date(8))
    }
}

private enum UserStatements {
    static let columns = "id, first_name, last_name, email, city, country, username, is_active, created_at"

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
}
