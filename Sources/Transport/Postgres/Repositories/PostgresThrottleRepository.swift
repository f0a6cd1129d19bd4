import Actors

/// Token buckets that leak by themselves: what is missing in one shrinks as time goes by. Time is the server's.
package struct PostgresThrottleRepository: ThrottleRepository {
    private let database: PostgresDatabase

    package init(client: PostgresClient) {
        database = PostgresDatabase(client: client)
    }

    package func spent(_ buckets: [ThrottleBucket]) async throws(RepositoryError) -> [Double] {
        let parameters: [PostgresValue] = [.textArray(buckets.map(\.key)), Self.rates(buckets)]
        return try await database.query(ThrottleStatements.spent, parameters) { rows throws(PostgresError) in
            var spent: [Double] = []
            for row in rows { spent.append(Double(try row.int64(0)) / 1e6) }
            return spent
        }
    }

    package func spend(_ costs: [ThrottleBucket: Int]) async throws(RepositoryError) {
        let buckets = Array(costs.keys)
        let parameters: [PostgresValue] = [
            .textArray(buckets.map(\.key)), Self.rates(buckets),
            .int64Array(buckets.map { Int64(costs[$0] ?? 0) * 1_000_000 }),
        ]
        try await database.query(ThrottleStatements.spend, parameters) { _ in }
    }

    package func pruneBuckets() async throws(RepositoryError) {
        try await database.query(ThrottleStatements.prune) { _ in }
    }

    /// Millionths of a token a second.
    private static func rates(_ buckets: [ThrottleBucket]) -> PostgresValue {
        .int64Array(buckets.map { max(1, Int64(Double($0.capacity) / $0.window.inSeconds * 1e6)) })
    }
}

/// `spent` counts millionths of a token. Keys are hashed: who tried to log in with which address is nobody's concern.
private enum ThrottleStatements {
    private static let left =
        "greatest(0, b.spent - (extract(epoch FROM now() - b.at) * t.rate)::bigint)"

    static let spent = PostgresStatement(
        "throttle_spent",
        """
        SELECT coalesce(\(left), 0)
        FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS t (key, rate, place)
        LEFT JOIN throttle_buckets b ON b.key = sha256(convert_to(t.key, 'UTF8'))
        ORDER BY t.place
        """)

    /// Keys are sorted: unsorted ones deadlock.
    static let spend = PostgresStatement(
        "throttle_spend",
        """
        INSERT INTO throttle_buckets AS b (key, rate, spent)
        SELECT sha256(convert_to(key, 'UTF8')) AS hash, rate, cost
        FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS t (key, rate, cost) ORDER BY hash
        ON CONFLICT (key) DO UPDATE SET rate = excluded.rate, at = now(), spent = excluded.spent
            + greatest(0, b.spent - (extract(epoch FROM now() - b.at) * excluded.rate)::bigint)
        """)

    static let prune = PostgresStatement(
        "throttle_prune",
        "DELETE FROM throttle_buckets WHERE extract(epoch FROM now() - at) * rate > spent")
}
