extension PostgresMigration {
    /// The queues of a cluster without SQS, see `PostgresJobQueue`.
    static let localQueue = PostgresMigration(
        number: 3, name: "local queue",
        sql: """
            CREATE TABLE queue_messages (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                queue text COLLATE "C" NOT NULL,
                body text NOT NULL,
                sent_at timestamptz NOT NULL DEFAULT now(),
                visible_at timestamptz NOT NULL,
                receive_count integer NOT NULL DEFAULT 0,
                -- Of the last receive.
                receipt uuid CONSTRAINT queue_messages_receipt UNIQUE
            );
            CREATE INDEX queue_messages_visible ON queue_messages (queue, visible_at);
            CREATE INDEX queue_messages_age ON queue_messages (queue, sent_at)
            """)
}
