extension PostgresMigration {
    /// `videos.state`: 0 uploaded, 1 processing, 2 processed, 3 failed; below 2 is not terminal.
    ///
    /// Heartbeats change no indexed column, so that they stay HOT updates in the room that the fillfactor leaves
    /// (manual, chapter 73.7). A lease that nobody holds ended at -infinity: no clock is late for that.
    static let accountsAndVideos = PostgresMigration(
        number: 1, name: "accounts and videos",
        sql: """
            CREATE TABLE users (
                id uuid PRIMARY KEY,
                first_name text NOT NULL,
                last_name text NOT NULL,
                email text NOT NULL,
                email_folded text COLLATE "C" NOT NULL CONSTRAINT users_email UNIQUE,
                city text NOT NULL,
                city_folded text COLLATE "C" NOT NULL,
                country text NOT NULL,
                username text COLLATE "C" NOT NULL CONSTRAINT users_username UNIQUE,
                password_hash text NOT NULL,
                is_active boolean NOT NULL DEFAULT true,
                token_epoch integer NOT NULL DEFAULT 0,
                created_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE INDEX users_city ON users (city_folded);

            CREATE TABLE videos (
                id uuid PRIMARY KEY,
                owner_id uuid NOT NULL CONSTRAINT videos_owner REFERENCES users,
                title text NOT NULL,
                original_key text NOT NULL,
                original_content_type text NOT NULL,
                original_size_bytes bigint NOT NULL,
                original_sha256 text NOT NULL,
                original_duration_ms bigint,
                state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
                progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
                uploaded_at timestamptz NOT NULL DEFAULT now(),
                processed_at timestamptz,
                processed_key text,
                poster_key text,
                processed_duration_ms bigint,
                processed_size_bytes bigint,
                failure_code text,
                failure_spanish text,
                failure_english text,
                -- Failed by own failures or lost workers, so that a dead letter speaks of it; not rejected.
                keeps_letter boolean NOT NULL DEFAULT false,
                dispatch integer NOT NULL DEFAULT 1,
                token uuid,
                attempts integer NOT NULL DEFAULT 0,
                claims integer NOT NULL DEFAULT 0,
                lease_until timestamptz NOT NULL DEFAULT '-infinity',
                claimed_by uuid,
                -- The last dispatch or claim.
                moved_at timestamptz NOT NULL DEFAULT now(),
                -- By the Reconciler, since the last claim.
                redispatches integer NOT NULL DEFAULT 0,
                CHECK ((state = 2) = (processed_at IS NOT NULL AND processed_key IS NOT NULL AND poster_key IS NOT NULL)),
                CHECK ((state = 3) = (failure_code IS NOT NULL)),
                CHECK (state = 3 OR NOT keeps_letter)
            ) WITH (fillfactor = 80);
            CREATE INDEX videos_of_owner ON videos (owner_id, uploaded_at, id);
            CREATE INDEX videos_public ON videos (processed_at DESC, id) WHERE state = 2;
            CREATE INDEX videos_unfinished ON videos (moved_at) WHERE state < 2;

            CREATE TABLE outbox (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                destination text NOT NULL CHECK (destination IN ('jobs', 'deadLetters')),
                video_id uuid NOT NULL,
                dispatch integer NOT NULL,
                -- When the message may first be seen.
                available_at timestamptz NOT NULL DEFAULT now(),
                held_until timestamptz NOT NULL DEFAULT '-infinity'
            ) WITH (fillfactor = 50);
            CREATE INDEX outbox_of_video ON outbox (video_id);

            CREATE TABLE reconciler_lease (
                single boolean PRIMARY KEY DEFAULT true CHECK (single),
                holder uuid NOT NULL,
                held_until timestamptz NOT NULL
            )
            """)
}
