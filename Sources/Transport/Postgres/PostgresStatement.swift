/// One SQL statement with a name of its own, meant to be a static constant beside the code that runs it.
///
/// Each connection prepares it at first use and runs it by name afterwards. The types of the parameters come from the
/// values (`PostgresValue`), so `$1` needs a cast only where the column has another type without an assignment cast,
/// for example `$1::jsonb` or `$1::video_state`.
package struct PostgresStatement: Sendable, Hashable {
    /// Unique in the process; shown in the server's log.
    package let name: String
    package let sql: String

    package init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}

/// PostgreSQL's isolation levels (manual, chapter 13.2).
package enum PostgresIsolation: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
}
