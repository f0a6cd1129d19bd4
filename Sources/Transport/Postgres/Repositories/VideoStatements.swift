import Actors

enum VideoStatements {
    static let originalColumns =
        "v.original_key, v.original_content_type, v.original_size_bytes, v.original_sha256, v.original_duration_ms"

    /// What `PostgresRow.video(at:)` reads of `videos v`. The votes of each are counted by their index.
    static let columns = """
        v.id, v.owner_id, v.title, \(originalColumns), v.state, v.uploaded_at, v.processed_at, v.progress,
        v.failure_code, v.failure_spanish, v.failure_english,
        (SELECT count(*) FROM votes WHERE votes.video_id = v.id) AS votes
        """

    /// The lock that a foreign key takes is too weak here: it would let two uploads of one player count at once.
    static let lockOwner = PostgresStatement("video_lock_owner", "SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE")

    /// One row when the video was made, by this run or by an earlier one. A repetition that comes after its deletion
    /// makes it no second time: its events are still there.
    ///
    /// Here and below, what RETURNING calls takes place although nobody reads it: data-modifying statements in WITH
    /// always run to completion (manual, chapter 7.8.4).
    static let create = PostgresStatement(
        "video_create",
        """
        WITH known AS MATERIALIZED (
            SELECT id FROM videos WHERE id = $1
            UNION SELECT video_id FROM video_events WHERE video_id = $1
        ), written AS (
            INSERT INTO videos (
                id, owner_id, title, original_key, original_content_type, original_size_bytes, original_sha256,
                original_duration_ms, request_id)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8::bigint, $10
            WHERE NOT EXISTS (SELECT FROM known) AND (SELECT count(*) FROM videos WHERE owner_id = $2) < $9
            RETURNING id, dispatch
        ), told AS (
            INSERT INTO video_events (video_id, kind, dispatch, attempts, node, request_id)
            SELECT id, '\(VideoEvent.Kind.uploaded.rawValue)', dispatch, 0, $11::uuid, $10 FROM written
        ), sent AS (
            INSERT INTO outbox (destination, video_id, dispatch) SELECT 'jobs', id, dispatch FROM written
            RETURNING pg_notify('anb_outbox', '')
        )
        SELECT id FROM written UNION ALL SELECT id FROM known
        """)

    /// 0 deleted, 1 the owner's but not deleted, 2 somebody else's; then the original's key and the state as they were
    /// when the statement began. No row when there is none.
    static let delete = PostgresStatement(
        "video_delete",
        """
        WITH gone AS (
            DELETE FROM videos WHERE id = $1 AND owner_id = $2 AND state <> 2
            RETURNING id, original_key, dispatch, attempts, pg_notify('anb_videos', '')
        ), unsent AS (
            DELETE FROM outbox USING gone WHERE video_id = gone.id
        ), told AS (
            INSERT INTO video_events (video_id, kind, dispatch, attempts, node, request_id)
            SELECT id, '\(VideoEvent.Kind.deleted.rawValue)', dispatch, attempts, $4::uuid, $3 FROM gone
        )
        SELECT 0, original_key, 0 FROM gone
        UNION ALL
        SELECT CASE WHEN owner_id = $2 THEN 1 ELSE 2 END, NULL, state::integer FROM videos
        WHERE id = $1 AND NOT EXISTS (SELECT FROM gone)
        """)

    static let byID = PostgresStatement("video_by_id", "SELECT \(columns) FROM videos v WHERE v.id = $1")

    static let ofOwner = PostgresStatement(
        "videos_of_owner", "SELECT \(columns) FROM videos v WHERE v.owner_id = $1 ORDER BY v.uploaded_at, v.id")

    // MARK: - The public list

    // Order and total are of the moment $3, now when it is NULL: what is published or voted after it does not move them.
    // One statement each for with and without a city: a plan that fits both would be good for neither.

    static let recent = PostgresStatement("videos_recent", recentPage(inCity: false))
    static let recentInCity = PostgresStatement("videos_recent_in_city", recentPage(inCity: true))
    static let mostVoted = PostgresStatement("videos_most_voted", mostVotedPage(inCity: false))
    static let mostVotedInCity = PostgresStatement("videos_most_voted_in_city", mostVotedPage(inCity: true))

    private static let asOf = "coalesce($3::timestamptz, now())"

    private static func listed(inCity: Bool) -> String {
        inCity
            ? "videos v JOIN users u ON u.id = v.owner_id WHERE v.state = 2 AND v.processed_at <= \(asOf) AND u.city_folded = $4"
            : "videos v WHERE v.state = 2 AND v.processed_at <= \(asOf)"
    }

    /// The page is chosen by keys alone, and only then are its rows completed.
    private static func recentPage(inCity: Bool) -> String {
        """
        WITH page AS MATERIALIZED (
            SELECT v.id, v.processed_at FROM \(listed(inCity: inCity)) ORDER BY v.processed_at DESC, v.id LIMIT $1 OFFSET $2
        )
        \(completedPage(inCity: inCity)) ORDER BY page.processed_at DESC, page.id
        """
    }

    /// Counts every video's votes once: the cost grows with all votes, in a city, too.
    private static func mostVotedPage(inCity: Bool) -> String {
        """
        WITH page AS MATERIALIZED (
            SELECT v.id, v.processed_at, coalesce(t.votes, 0) AS counted
            FROM (SELECT v.id, v.processed_at FROM \(listed(inCity: inCity))) v
            LEFT JOIN (
                SELECT video_id, count(*) AS votes FROM votes WHERE voted_at <= \(asOf) GROUP BY video_id) t ON t.video_id = v.id
            ORDER BY counted DESC, v.processed_at DESC, v.id LIMIT $1 OFFSET $2
        )
        \(completedPage(inCity: inCity)) ORDER BY page.counted DESC, page.processed_at DESC, page.id
        """
    }

    /// At least one row, so that a page beyond the last one has its total too.
    private static func completedPage(inCity: Bool) -> String {
        """
        SELECT \(asOf), filter.total, u.username, u.city, \(columns)
        FROM (SELECT count(*) AS total FROM \(listed(inCity: inCity))) filter
        LEFT JOIN page ON true
        LEFT JOIN videos v ON v.id = page.id
        LEFT JOIN users u ON u.id = v.owner_id
        """
    }

    // MARK: - Upkeep

    /// A row needs its original; what it was made into, once processed; and while it is unfinished, whatever may be on
    /// the way there: an attempt may replace a dead one's object under the same key at this moment.
    static let orphans = PostgresStatement(
        "video_orphans",
        """
        SELECT k.name
        FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS k (name, video_id, place)
        LEFT JOIN videos v ON v.id = k.video_id
        WHERE NOT coalesce(
            k.name = v.original_key OR k.name = v.processed_key OR k.name = v.poster_key
                OR (v.state < 2 AND k.name LIKE 'processed/%'),
            false)
        ORDER BY k.place
        """)

    static let check = PostgresStatement("check", "SELECT 1")

    /// A dispatch of the Reconciler's does not end a wait. The average is of the commits among the last 200 events, each from its video's last claim.
    static let backlog = PostgresStatement(
        "video_backlog",
        """
        SELECT count(*) FILTER (WHERE lease_until <= now()), count(*) FILTER (WHERE lease_until > now()),
            (SELECT (extract(epoch FROM now() - min(last)) * 1000000)::bigint FROM (
                SELECT max(e.at) AS last FROM videos v JOIN video_events e ON e.video_id = v.id
                WHERE v.state < 2 AND e.kind IN ('uploaded', 'claimed', 'redriven') GROUP BY v.id) waits),
            (SELECT count(*) FROM outbox),
            (SELECT (extract(epoch FROM now() - min(available_at)) * 1000000)::bigint FROM outbox
                WHERE available_at <= now()),
            (SELECT (extract(epoch FROM avg(done.at - claim.at)) * 1000000)::bigint
                FROM (SELECT video_id, at, kind FROM video_events ORDER BY id DESC LIMIT 200) done
                CROSS JOIN LATERAL (
                    SELECT at FROM video_events e WHERE e.video_id = done.video_id AND e.kind = 'claimed'
                    ORDER BY e.id DESC LIMIT 1) claim
                WHERE done.kind = 'processed')
        FROM videos WHERE state < 2
        """)
}
