import Actors

/// Keys of requests that may come more than once. Time is the server's.
package struct PostgresIdempotencyRepository: IdempotencyRepository {
    private let database: PostgresDatabase

    package init(client: PostgresClient) {
        database = PostgresDatabase(client: client)
    }

    package func reserve(_ key: IdempotencyKey, payload: String?, token: ReservationToken, hold: Duration)
        async throws(RepositoryError) -> ReservationVerdict
    {
        let parameters: [PostgresValue] = [
            .id(key.user), .text(key.route.rawValue), .text(key.text), .id(token), .optional(payload),
            .microseconds(hold), .microseconds(IdempotencyKey.memory), .count(IdempotencyKey.maximumOfUser),
        ]
        return try await database.query(IdempotencyStatements.reserve, parameters) { rows throws(PostgresError) in
            // No row: another request reserved it while the statement ran.
            guard let row = rows.first else { return .inProgress }
            switch try row.int32(0) {
            case 0: return .reserved
            case 1: return .tooMany
            default: break
            }
            guard let payload = try row.optionalText(1), let answer = try row.optionalText(2) else {
                return .inProgress
            }
            return .answered(RememberedAnswer(payload: payload, answer: answer))
        }
    }

    package func renew(_ token: ReservationToken, hold: Duration) async throws(RepositoryError) {
        try await database.query(IdempotencyStatements.renew, [.id(token), .microseconds(hold)]) { _ in }
    }

    package func remember(_ answer: AnswerOnce) async throws(RepositoryError) {
        try await database.query(IdempotencyStatements.remember, Self.parameters(answer)) { _ in }
    }

    package func release(_ token: ReservationToken) async throws(RepositoryError) {
        try await database.query(IdempotencyStatements.release, [.id(token)]) { _ in }
    }

    package func pruneKeys() async throws(RepositoryError) {
        try await database.query(IdempotencyStatements.prune, [.microseconds(IdempotencyKey.memory)]) { _ in }
    }

    static func parameters(_ answer: AnswerOnce) -> [PostgresValue] {
        [.id(answer.token), .text(answer.remembered.payload), .text(answer.remembered.answer)]
    }
}

enum IdempotencyStatements {
    /// 0 reserved, 1 too many keys, 2 what is known of the key.
    static let reserve = PostgresStatement(
        "idempotency_reserve",
        """
        WITH others AS MATERIALIZED (
            SELECT count(*) >= $8 AS are_many FROM idempotency_keys
            WHERE user_id = $1 AND NOT (route = $2 AND key = $3)
        ), mine AS (
            INSERT INTO idempotency_keys AS k (user_id, route, key, token, payload, held_until)
            SELECT $1, $2, $3, $4, $5, now() + $6 * interval '1 microsecond' FROM others WHERE NOT are_many
            ON CONFLICT (user_id, route, key) DO UPDATE
            SET token = $4, payload = $5, answer = NULL, held_until = excluded.held_until, reserved_at = now()
            WHERE k.token = $4 OR (k.answer IS NULL AND k.held_until < now())
                OR k.reserved_at < now() - $7 * interval '1 microsecond'
            RETURNING 1
        )
        SELECT 0, NULL, NULL FROM mine
        UNION ALL
        SELECT 2, payload, answer FROM idempotency_keys
        WHERE user_id = $1 AND route = $2 AND key = $3 AND NOT EXISTS (SELECT FROM mine)
        UNION ALL
        SELECT 1, NULL, NULL FROM others WHERE are_many
        """)

    static let renew = PostgresStatement(
        "idempotency_renew",
        "UPDATE idempotency_keys SET held_until = now() + $2 * interval '1 microsecond' WHERE token = $1")

    /// No row once the reservation is another's.
    static let lock = PostgresStatement(
        "idempotency_lock", "SELECT 1 FROM idempotency_keys WHERE token = $1 FOR UPDATE")

    static let remember = PostgresStatement(
        "idempotency_remember", "UPDATE idempotency_keys SET payload = $2, answer = $3 WHERE token = $1")

    static let release = PostgresStatement(
        "idempotency_release", "DELETE FROM idempotency_keys WHERE token = $1 AND answer IS NULL")

    static let removeOfUser = PostgresStatement(
        "idempotency_remove_of_user", "DELETE FROM idempotency_keys WHERE user_id = $1")

    static let prune = PostgresStatement(
        "idempotency_prune",
        "DELETE FROM idempotency_keys WHERE reserved_at < now() - $1 * interval '1 microsecond'")
}
