extension PostgresMigration {
    /// What happened to each video, for operators. No foreign key: the events of a deleted video stay until they are
    /// pruned by age, those of an erased account go with it.
    static let events = PostgresMigration(
        number: 4, name: "events",
        sql: """
            ALTER TABLE videos ADD COLUMN request_id text;
            CREATE TABLE video_events (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                video_id uuid NOT NULL,
                at timestamptz NOT NULL DEFAULT clock_timestamp(),
                kind text NOT NULL,
                cause text,
                dispatch integer NOT NULL,
                attempts integer NOT NULL,
                node uuid,
                request_id text
            );
            CREATE INDEX video_events_of_video ON video_events (video_id, id);
            CREATE INDEX video_events_by_age ON video_events USING brin (at)
            """)
}
