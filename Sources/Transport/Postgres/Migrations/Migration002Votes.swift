extension PostgresMigration {
    /// A vote's ticket is its batch's number << 10 | its place from 1, under its writer's serial: unique for life, with
    /// room for 2^31 writers (one a process start) and 2^53 batches of each.
    ///
    /// votes has no foreign keys: two of them double the cost of a vote. The vote statement locks what they would.
    ///
    /// The writer with the nil UUID belongs to the feed itself. Its numbers come from its row, under the row's lock, so
    /// that any transaction may write a batch in order: pruning does (see `VoteStatements.mark`), and erasures may.
    static let votes = PostgresMigration(
        number: 2, name: "votes",
        sql: """
            CREATE TABLE votes (
                user_id uuid NOT NULL,
                video_id uuid NOT NULL,
                player_id uuid NOT NULL,
                ticket bigint NOT NULL,
                voted_at timestamptz NOT NULL DEFAULT now(),
                writer integer NOT NULL,
                PRIMARY KEY (user_id, video_id)
            );
            CREATE INDEX votes_of_video ON votes (video_id);

            CREATE TABLE vote_writers (
                id uuid PRIMARY KEY,
                serial integer GENERATED ALWAYS AS IDENTITY UNIQUE,
                registered_at timestamptz NOT NULL DEFAULT now(),
                -- Batches up to this number may be missing.
                pruned_to bigint NOT NULL DEFAULT 0,
                pruned_at timestamptz NOT NULL DEFAULT '-infinity',
                -- Only of the feed's own writer.
                last_number bigint NOT NULL DEFAULT 0
            ) WITH (fillfactor = 70);
            INSERT INTO vote_writers (id) VALUES ('00000000-0000-0000-0000-000000000000');

            CREATE TABLE vote_batches (
                writer uuid NOT NULL,
                n bigint NOT NULL,
                players uuid[] NOT NULL,
                deltas integer[] NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (writer, n)
            );
            CREATE INDEX vote_batches_by_age ON vote_batches USING brin (created_at)
            """)
}
