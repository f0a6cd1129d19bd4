enum PostgresJobQueueStatements {
    static let send = PostgresStatement(
        "queue_send",
        """
        WITH sent AS (
            INSERT INTO queue_messages (queue, body, visible_at)
            SELECT $1, m.body, now() + m.delay * interval '1 microsecond'
            FROM unnest($2::text[], $3::bigint[]) AS m (body, delay)
            RETURNING 1
        )
        SELECT pg_notify($1, '') FROM sent LIMIT 1
        """)

    /// First a row with the number of messages that became dead letters, then what was received. At most 100 messages
    /// past their retention are removed on the way.
    ///
    /// As in SQS, a dead letter keeps the time at which it was first sent.
    static let receive = PostgresStatement(
        "queue_receive",
        """
        WITH expired AS (
            DELETE FROM queue_messages WHERE id IN (
                SELECT id FROM queue_messages WHERE queue = $1 AND sent_at <= now() - $4 * interval '1 microsecond'
                ORDER BY sent_at LIMIT 100
                FOR UPDATE SKIP LOCKED)
        ), due AS MATERIALIZED (
            SELECT id, receive_count FROM queue_messages
            WHERE queue = $1 AND visible_at <= now() AND sent_at > now() - $4 * interval '1 microsecond'
            ORDER BY visible_at, id LIMIT $2
            FOR UPDATE SKIP LOCKED
        ), dead AS (
            UPDATE queue_messages m SET queue = $5, visible_at = now(), receipt = NULL
            FROM due WHERE m.id = due.id AND $5::text IS NOT NULL AND due.receive_count >= $6
            RETURNING pg_notify($5, '')
        ), taken AS (
            UPDATE queue_messages m SET receipt = gen_random_uuid(), receive_count = m.receive_count + 1,
                visible_at = now() + $3 * interval '1 microsecond'
            FROM due WHERE m.id = due.id AND ($5::text IS NULL OR due.receive_count < $6)
            RETURNING m.receipt, m.body, m.receive_count
        )
        SELECT NULL::uuid, NULL, (SELECT count(*) FROM dead)::integer
        UNION ALL
        SELECT receipt, body, receive_count FROM taken
        """)

    /// How long until the next message can be seen, NULL when there is none; not above 0: one can be seen.
    static let nextVisible = PostgresStatement(
        "queue_next_visible",
        """
        SELECT (extract(epoch FROM min(visible_at) - now()) * 1000000)::bigint FROM queue_messages WHERE queue = $1
        """)

    static let depth = PostgresStatement(
        "queue_depth",
        """
        SELECT count(*) FILTER (WHERE visible_at <= now()),
            count(*) FILTER (WHERE visible_at > now() AND receipt IS NOT NULL),
            count(*) FILTER (WHERE visible_at > now() AND receipt IS NULL)
        FROM queue_messages WHERE queue = $1
        """)

    static let extend = PostgresStatement(
        "queue_extend",
        """
        UPDATE queue_messages SET visible_at = now() + $3 * interval '1 microsecond'
        WHERE receipt = $2 AND queue = $1
        RETURNING pg_notify($1, '')
        """)

    static let delete = PostgresStatement(
        "queue_delete", "DELETE FROM queue_messages WHERE receipt = $2 AND queue = $1 RETURNING 1")
}
