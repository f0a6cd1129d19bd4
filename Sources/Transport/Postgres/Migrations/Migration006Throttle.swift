extension PostgresMigration {
    /// Unlogged: a crash of the server forgets how often somebody guessed, and no guess costs a write to the log.
    static let throttle = PostgresMigration(
        number: 6, name: "throttle",
        sql: """
            CREATE UNLOGGED TABLE throttle_buckets (
                key bytea PRIMARY KEY,
                -- Millionths of a token, and how many of them come back a second.
                spent bigint NOT NULL,
                rate bigint NOT NULL,
                at timestamptz NOT NULL DEFAULT now()
            ) WITH (fillfactor = 50)
            """)
}
