import Actors

/// One statement each, all guarded by *not terminal* (`state < 2`) and dispatch or token. The guards stand in UPDATE's
/// WHERE, which is decided anew on the row's latest version after waiting for its lock (manual, chapter 13.2.1).
///
/// Where a second branch reads the row in the statement's snapshot, the answer may be late but never too strong:
/// "obsolete" and "delete" rest on what never changes back.
enum DeliveryStatements {
    /// A row that is dispatched anew: nobody's lease, a message in the outbox of the same transaction.
    private static let dispatchedAnew = """
        dispatch = dispatch + 1, claims = 0, state = 0, progress = 0, lease_until = '-infinity', claimed_by = NULL,
        moved_at = now()
        """

    /// The CTE that keeps an event of each row of the CTE `written`, which returns id, dispatch and attempts.
    private static func told(_ kind: String, cause: String, node: String) -> String {
        """
        told AS (
            INSERT INTO video_events (video_id, kind, cause, dispatch, attempts, node)
            SELECT id, \(kind), \(cause), dispatch, attempts, \(node)::uuid FROM written
        )
        """
    }

    private static func word(_ kind: VideoEvent.Kind) -> String { "'\(kind.rawValue)'" }

    /// The branch on the right is a row that is not granted: 1 leased, 2 obsolete.
    static let claim = PostgresStatement(
        "delivery_claim",
        """
        WITH granted AS (
            UPDATE videos v SET state = 1, token = $3, lease_until = now() + $4 * interval '1 microsecond',
                claims = claims + CASE WHEN token = $3 THEN 0 ELSE 1 END,
                progress = CASE WHEN token = $3 THEN progress ELSE 0 END,
                claimed_by = $5, moved_at = now(), redispatches = 0
            WHERE id = $1 AND dispatch = $2 AND state < 2 AND (lease_until <= now() OR token = $3)
            RETURNING 0, \(VideoStatements.originalColumns), v.attempts,
                (extract(epoch FROM now() - v.uploaded_at) * 1000000)::bigint, v.request_id
        ), told AS (
            INSERT INTO video_events (video_id, kind, dispatch, attempts, node)
            SELECT $1, \(word(.claimed)), $2, attempts, $5 FROM granted
            -- In the statement's snapshot a repeated claim's token is there already.
            WHERE NOT EXISTS (SELECT FROM videos WHERE id = $1 AND token = $3)
        )
        SELECT * FROM granted
        UNION ALL
        SELECT CASE WHEN state >= 2 OR dispatch > $2 THEN 2 ELSE 1 END, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM videos WHERE id = $1 AND NOT EXISTS (SELECT FROM granted)
        """)

    /// Never shortens the lease: of two heartbeats under way the older may come last.
    static let heartbeat = PostgresStatement(
        "delivery_heartbeat",
        """
        UPDATE videos SET progress = least(100, greatest(0, $4)),
            lease_until = greatest(lease_until, now() + $3 * interval '1 microsecond')
        WHERE id = $1 AND token = $2 AND state < 2
        RETURNING 1
        """)

    // Of the writes below, a repetition finds its own new token in the row and answers as the first run did.

    static let commit = PostgresStatement(
        "delivery_commit",
        """
        WITH written AS (
            UPDATE videos SET state = 2, processed_at = now(), progress = 100, processed_key = $4, poster_key = $5,
                processed_duration_ms = $6, processed_size_bytes = $7, token = $3, lease_until = '-infinity'
            WHERE id = $1 AND token = $2 AND state < 2
            RETURNING id, dispatch, attempts
        ), \(told(word(.processed), cause: "NULL", node: "$8"))
        SELECT 1 FROM written UNION ALL SELECT 1 FROM videos WHERE id = $1 AND token = $3
        """)

    static let handBack = PostgresStatement(
        "delivery_hand_back",
        """
        WITH written AS (
            UPDATE videos SET token = $4, \(dispatchedAnew)
            WHERE id = $1 AND dispatch = $2 AND state < 2
                AND (token = $3::uuid OR ($3::uuid IS NULL AND lease_until <= now()))
            RETURNING id, dispatch, attempts
        ), \(told(word(.handedBack), cause: "$5", node: "$6")), sent AS (
            INSERT INTO outbox (destination, video_id, dispatch) SELECT 'jobs', id, dispatch FROM written
            RETURNING pg_notify('anb_outbox', '')
        )
        SELECT 1 FROM written UNION ALL SELECT 1 FROM videos WHERE id = $1 AND token = $4
        """)

    /// The last failure keeps its dispatch, because the dead letter speaks of that.
    static let ownFailure = PostgresStatement(
        "delivery_own_failure",
        """
        WITH written AS (
            UPDATE videos SET attempts = attempts + 1, token = $4, lease_until = '-infinity', progress = 0,
                claimed_by = NULL, moved_at = now(),
                state = CASE WHEN attempts + 1 >= $5 THEN 3 ELSE 0 END,
                dispatch = CASE WHEN attempts + 1 >= $5 THEN dispatch ELSE dispatch + 1 END,
                claims = CASE WHEN attempts + 1 >= $5 THEN claims ELSE 0 END,
                keeps_letter = attempts + 1 >= $5,
                failure_code = CASE WHEN attempts + 1 >= $5 THEN $6 END,
                failure_spanish = CASE WHEN attempts + 1 >= $5 THEN $7 END,
                failure_english = CASE WHEN attempts + 1 >= $5 THEN $8 END
            WHERE id = $1 AND dispatch = $2 AND token = $3 AND state < 2
            RETURNING id, dispatch, state, attempts
        ), \(told(
            "CASE WHEN state = 3 THEN \(word(.failed)) ELSE \(word(.retried)) END", cause: "$6 || ': ' || $10",
            node: "$11")), sent AS (
            INSERT INTO outbox (destination, video_id, dispatch, available_at)
            SELECT CASE WHEN state = 3 THEN 'deadLetters' ELSE 'jobs' END, id, dispatch,
                now() + CASE WHEN state = 3 THEN 0 ELSE $9 END * interval '1 microsecond'
            FROM written
            RETURNING pg_notify('anb_outbox', '')
        )
        SELECT state, attempts FROM written UNION ALL SELECT state, attempts FROM videos WHERE id = $1 AND token = $4
        """)

    static let reject = PostgresStatement(
        "delivery_reject",
        """
        WITH written AS (
            UPDATE videos SET state = 3, progress = 0, failure_code = $4, failure_spanish = $5, failure_english = $6,
                token = $3, lease_until = '-infinity', claimed_by = NULL
            WHERE id = $1 AND token = $2 AND state < 2
            RETURNING id, dispatch, attempts
        ), \(told(word(.failed), cause: "$4", node: "$7"))
        SELECT 1 FROM written UNION ALL SELECT 1 FROM videos WHERE id = $1 AND token = $3
        """)

    /// 0 wait, 1 keep, 2 delete, 3 failed; no row when the video is gone.
    static let judge = PostgresStatement(
        "delivery_judge",
        """
        WITH written AS (
            UPDATE videos SET token = $3, lease_until = '-infinity', progress = 0, claimed_by = NULL, moved_at = now(),
                state = CASE WHEN claims >= $4 THEN 3 ELSE 0 END,
                dispatch = CASE WHEN claims >= $4 THEN dispatch ELSE dispatch + 1 END,
                claims = CASE WHEN claims >= $4 THEN claims ELSE 0 END,
                keeps_letter = claims >= $4,
                failure_code = CASE WHEN claims >= $4 THEN $5 END,
                failure_spanish = CASE WHEN claims >= $4 THEN $6 END,
                failure_english = CASE WHEN claims >= $4 THEN $7 END
            WHERE id = $1 AND dispatch = $2 AND state < 2 AND lease_until <= now()
            RETURNING id, dispatch, state, attempts, claims, pg_notify('anb_videos', '')
        ), \(told(
            "CASE WHEN state = 3 THEN \(word(.failed)) ELSE \(word(.redispatched)) END",
            cause: "CASE WHEN state = 3 THEN $5 || ': ' || claims || ' claims ended without a word' "
                + "ELSE 'found among the dead letters' END", node: "$8")), sent AS (
            INSERT INTO outbox (destination, video_id, dispatch)
            SELECT 'jobs', id, dispatch FROM written WHERE state = 0
            RETURNING pg_notify('anb_outbox', '')
        )
        SELECT CASE WHEN state = 3 THEN 3 ELSE 2 END FROM written
        UNION ALL
        SELECT CASE WHEN state = 2 OR dispatch > $2 THEN 2 WHEN state < 2 THEN 0 WHEN keeps_letter THEN 1 ELSE 2 END
        FROM videos WHERE id = $1 AND NOT EXISTS (SELECT FROM written)
        """)

    /// The wait stops doubling after six times: with 7,200 s that is past the queue's retention of four days, so there
    /// is no older message left to wait for.
    static let redispatch = PostgresStatement(
        "delivery_redispatch",
        """
        WITH lost AS MATERIALIZED (
            SELECT v.id FROM videos v
            WHERE v.state < 2 AND v.lease_until <= now()
                AND v.moved_at <= now() - $1 * power(2, least(v.redispatches, 6)) * interval '1 microsecond'
                AND NOT EXISTS (SELECT FROM outbox o WHERE o.video_id = v.id)
            ORDER BY v.moved_at LIMIT $2
            FOR UPDATE OF v SKIP LOCKED
        ), numbered AS (
            SELECT id AS lost_id, row_number() OVER () AS place FROM lost
        ), written AS (
            UPDATE videos SET token = ($3::uuid[])[place], redispatches = redispatches + 1, \(dispatchedAnew)
            FROM numbered WHERE id = lost_id
            RETURNING id, dispatch, attempts, pg_notify('anb_videos', '')
        ), \(told(word(.redispatched), cause: "'nobody worked on it'", node: "$4")), sent AS (
            INSERT INTO outbox (destination, video_id, dispatch) SELECT 'jobs', id, dispatch FROM written
            RETURNING pg_notify('anb_outbox', '')
        )
        SELECT count(*) FROM written
        """)

    static let pruneEvents = PostgresStatement(
        "delivery_prune_events", "DELETE FROM video_events WHERE at < now() - $1 * interval '1 microsecond'")

    static let holdLease = PostgresStatement(
        "reconciler_hold_lease",
        """
        INSERT INTO reconciler_lease AS l (holder, held_until) VALUES ($1, now() + $2 * interval '1 microsecond')
        ON CONFLICT (single) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
        WHERE l.holder = excluded.holder OR l.held_until <= now()
        RETURNING now()
        """)

    // MARK: - Outbox

    static let takeOutbox = PostgresStatement(
        "outbox_take",
        """
        WITH free AS MATERIALIZED (
            SELECT id FROM outbox WHERE held_until <= now() ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE outbox o SET held_until = now() + $2 * interval '1 microsecond' FROM free WHERE o.id = free.id
            RETURNING o.id, o.destination, o.video_id, o.dispatch,
                greatest(0, extract(epoch FROM o.available_at - now()) * 1000000)::bigint AS delay
        )
        SELECT t.id, t.destination, t.video_id, t.dispatch, t.delay, v.request_id
        FROM taken t LEFT JOIN videos v ON v.id = t.video_id ORDER BY t.id
        """)

    static let removeOutbox = PostgresStatement("outbox_remove", "DELETE FROM outbox WHERE id = ANY($1)")
}
