extension PostgresMigration {
    /// Keys of requests that may come more than once. No foreign key: an erasure removes its account's, age the others.
    static let idempotency = PostgresMigration(
        number: 5, name: "idempotency",
        sql: """
            CREATE TABLE idempotency_keys (
                user_id uuid NOT NULL,
                route text COLLATE "C" NOT NULL,
                key text COLLATE "C" NOT NULL,
                token uuid NOT NULL CONSTRAINT idempotency_keys_token UNIQUE,
                -- NULL until it is known.
                payload text COLLATE "C",
                -- NULL while the request is under way.
                answer text,
                held_until timestamptz NOT NULL,
                reserved_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (user_id, route, key)
            )
            """)
}
