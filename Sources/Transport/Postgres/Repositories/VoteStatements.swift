/// The vote statement and the feed. Run with `plan_cache_mode = force_generic_plan`: the planner expects ten elements
/// of an array and prefers custom plans otherwise, which cost more than the batch.
enum VoteStatements {
    /// 0 the writer is known, 1 unknown video (or voter), 2 not processed, 3 own, 4 voted, 6 superseded; no row: already
    /// voted.
    ///
    /// - The row locks are what two foreign keys would take, at a fifth of their cost: neither the video nor the voter
    ///   goes away under a vote. A row that an erasure removed meanwhile is not returned, hence LEFT JOIN.
    /// - Keys are sorted: unsorted batches of several writers deadlock.
    /// - The writer's row is locked too, so that pruning does not take it away from a batch.
    /// - The batch row's primary key refuses a second run with more votes than the first.
    /// - A request under an idempotency key (place and token) is answered here, so that its vote and its answer are one.
    ///   When the token is no longer there, another request has the key: this one writes nothing.
    /// - Nothing is written for a writer that was pruned: it answers without row 0.
    static let cast = PostgresStatement(
        "vote_cast",
        """
        WITH w AS MATERIALIZED (
            SELECT serial FROM vote_writers WHERE id = $1 FOR KEY SHARE
        ), d AS MATERIALIZED (
            SELECT id, state, owner_id FROM videos WHERE id = ANY($4::uuid[]) ORDER BY id FOR KEY SHARE
        ), e AS MATERIALIZED (
            SELECT id FROM users WHERE id = ANY($3::uuid[]) ORDER BY id FOR KEY SHARE
        ), q AS MATERIALIZED (
            SELECT i, token FROM unnest($6::integer[], $7::uuid[]) AS q (i, token)
        ), held AS MATERIALIZED (
            SELECT token FROM idempotency_keys WHERE token = ANY($7::uuid[]) ORDER BY token FOR UPDATE
        ), r AS MATERIALIZED (
            SELECT t.i, t.u, t.v, d.owner_id,
                CASE WHEN q.token IS NOT NULL AND held.token IS NULL THEN 6
                    WHEN d.id IS NULL OR e.id IS NULL THEN 1 WHEN d.state <> 2 THEN 2
                    WHEN d.owner_id = t.u AND NOT $5 THEN 3 ELSE 4 END AS verdict
            FROM unnest($3::uuid[], $4::uuid[]) WITH ORDINALITY AS t (u, v, i)
            LEFT JOIN d ON d.id = t.v LEFT JOIN e ON e.id = t.u
            LEFT JOIN q ON q.i = t.i LEFT JOIN held ON held.token = q.token
        ), voted AS (
            INSERT INTO votes (user_id, video_id, player_id, ticket, writer)
            SELECT r.u, r.v, r.owner_id, ($2::bigint << 10) + r.i, w.serial FROM r CROSS JOIN w WHERE r.verdict = 4
            ORDER BY r.u, r.v, r.i
            ON CONFLICT DO NOTHING
            RETURNING ticket & 1023 AS i, player_id
        ), batch AS (
            INSERT INTO vote_batches (writer, n, players, deltas)
            SELECT $1, $2, array_agg(player_id), array_agg(votes)
            FROM (SELECT player_id, count(*)::integer AS votes FROM voted GROUP BY player_id) AS g
            HAVING count(*) > 0
        ), answered AS (
            UPDATE idempotency_keys k
            SET answer = CASE
                WHEN voted.i IS NOT NULL THEN 'accepted ' || voted.player_id
                WHEN r.verdict = 1 THEN 'unknownVideo' WHEN r.verdict = 2 THEN 'notProcessed'
                WHEN r.verdict = 3 THEN 'ownVideo' ELSE 'alreadyVoted' END
            FROM q JOIN r ON r.i = q.i CROSS JOIN w LEFT JOIN voted ON voted.i = r.i
            WHERE k.token = q.token AND k.answer IS NULL
        )
        SELECT i, 4, player_id FROM voted
        UNION ALL
        SELECT i, verdict, NULL FROM r WHERE verdict <> 4
        UNION ALL
        SELECT 0, 0, NULL FROM w
        """)

    /// What became of a batch that was run before, in a snapshot that shows it. Without a vote, the first run refused
    /// for a reason that may have passed since; not processed is the only one that passes.
    static let outcome = PostgresStatement(
        "vote_outcome",
        """
        SELECT t.i,
            CASE WHEN b.ticket = ($2::bigint << 10) + t.i AND b.writer = w.serial THEN 4
                WHEN q.token IS NOT NULL AND k.token IS NULL THEN 6
                WHEN d.id IS NULL OR e.id IS NULL THEN 1
                WHEN d.state <> 2 THEN 2
                WHEN d.owner_id = t.u AND NOT $5 THEN 3
                WHEN b.user_id IS NULL THEN 2
                ELSE 5 END,
            b.player_id
        FROM unnest($3::uuid[], $4::uuid[]) WITH ORDINALITY AS t (u, v, i)
        LEFT JOIN vote_writers w ON w.id = $1
        LEFT JOIN videos d ON d.id = t.v
        LEFT JOIN users e ON e.id = t.u
        LEFT JOIN votes b ON b.user_id = t.u AND b.video_id = t.v
        LEFT JOIN unnest($6::integer[], $7::uuid[]) AS q (i, token) ON q.i = t.i
        LEFT JOIN idempotency_keys k ON k.token = q.token
        """)

    static let register = PostgresStatement(
        "vote_register", "INSERT INTO vote_writers (id) VALUES ($1) ON CONFLICT (id) DO NOTHING")

    // MARK: - Readers

    static let tallies = PostgresStatement(
        "vote_tallies",
        """
        SELECT u.id, u.username, u.city, t.votes
        FROM (SELECT player_id, count(*) AS votes FROM votes GROUP BY player_id) AS t JOIN users u ON u.id = t.player_id
        """)

    static let positions = PostgresStatement(
        "vote_positions",
        """
        SELECT w.id, greatest(w.pruned_to, b.n)
        FROM vote_writers w
        LEFT JOIN LATERAL (SELECT n FROM vote_batches WHERE writer = w.id ORDER BY n DESC LIMIT 1) AS b ON true
        """)

    /// Each writer's batches after the reader's position; written as a plain join it would scan all batches. Numbers
    /// may be missing (refused batches, rollbacks): only the floor tells whether any were pruned.
    static let deltas = PostgresStatement(
        "vote_deltas",
        """
        SELECT w.id, w.pruned_to > coalesce(q.n, 0), b.n, b.players, b.deltas
        FROM vote_writers w
        LEFT JOIN unnest($1::uuid[], $2::bigint[]) AS q (w, n) ON q.w = w.id
        LEFT JOIN LATERAL (
            SELECT n, players, deltas FROM vote_batches WHERE writer = w.id AND n > coalesce(q.n, 0) ORDER BY n LIMIT $3
        ) AS b ON true
        WHERE b.n IS NOT NULL OR w.pruned_to > coalesce(q.n, 0)
        ORDER BY w.id, b.n
        """)

    static let players = PostgresStatement(
        "vote_players", "SELECT id, username, city FROM users WHERE id = ANY($1)")

    static let hasVoted = PostgresStatement(
        "vote_has_voted",
        """
        SELECT EXISTS (SELECT FROM votes WHERE user_id = $1 AND video_id = v.id) FROM videos v WHERE v.id = $2
        """)

    // MARK: - Pruning, one transaction

    /// The feed's own writer leaves an empty batch at each pruning. It is pruned in its turn, so that its floor tells
    /// a reader that slept for longer than the age, even if the writers that it missed have been removed by then. Its
    /// row's lock makes prunings follow each other.
    static let mark = PostgresStatement(
        "vote_prune_mark",
        """
        WITH feed AS (
            UPDATE vote_writers SET last_number = last_number + 1 WHERE id = '00000000-0000-0000-0000-000000000000'
            RETURNING id, last_number
        )
        INSERT INTO vote_batches (writer, n, players, deltas) SELECT id, last_number, '{}', '{}' FROM feed
        """)

    static let prune = PostgresStatement(
        "vote_prune",
        """
        WITH old AS (
            DELETE FROM vote_batches WHERE created_at < now() - $1 * interval '1 microsecond' RETURNING writer, n
        ), floors AS (
            SELECT writer, max(n) AS n FROM old GROUP BY writer
        )
        UPDATE vote_writers SET pruned_to = greatest(pruned_to, floors.n), pruned_at = now()
        FROM floors WHERE id = floors.writer
        """)

    /// Writers whose last batch was pruned longer than the age ago. Locked before it is decided which have no batch:
    /// a vote statement that holds one is over then, one that comes later finds no writer.
    static let lockIdle = PostgresStatement(
        "vote_lock_idle_writers",
        """
        SELECT id FROM vote_writers
        WHERE id <> '00000000-0000-0000-0000-000000000000'
            AND greatest(registered_at, pruned_at) < now() - $1 * interval '1 microsecond'
        ORDER BY id
        FOR UPDATE SKIP LOCKED
        """)

    static let removeIdle = PostgresStatement(
        "vote_remove_idle_writers",
        """
        DELETE FROM vote_writers WHERE id = ANY($1) AND NOT EXISTS (SELECT FROM vote_batches WHERE writer = id)
        """)
}
