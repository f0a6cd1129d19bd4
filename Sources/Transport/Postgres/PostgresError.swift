/// Why a statement has no answer, sorted by what the caller can do.
package enum PostgresError: Error, Sendable, Equatable {
    /// The statement was not sent: no connection could be had. Safe to repeat.
    case unavailable(String)

    /// The connection ended while the answer was awaited.
    ///
    /// With `mayHaveCommitted` the effect is unknown: repeat only what may be repeated, or read first. Without it the
    /// server has rolled back.
    case connectionLost(mayHaveCommitted: Bool)

    /// The server refused. `sqlState` is one of PostgreSQL's five-character codes (manual, appendix A).
    case server(sqlState: String, message: String, constraint: String?)

    /// The deadline passed and the statement had no effect.
    case deadlineExceeded

    /// The task was cancelled, or the client shut down, and the statement had no effect.
    case cancelled

    /// More callers wait than `PostgresConfiguration.maxWaiters` allows. Not sent.
    case overloaded

    /// The answer is not of the type that was asked for: a defect of the statement or of the reader.
    case decoding(column: Int, reason: String)
}

extension PostgresError {
    /// query_canceled (manual, appendix A).
    static let queryCanceled = "57014"

    /// Whether a prepared statement is no longer usable and has to be prepared anew: invalid_sql_statement_name after
    /// a DISCARD or behind a pooler, feature_not_supported for "cached plan must not change result type".
    var refusesPreparedStatement: Bool {
        guard case .server(let sqlState, let message, _) = self else { return false }
        return sqlState == "26000" || (sqlState == "0A000" && message.hasPrefix("cached plan"))
    }

    var isQueryCanceled: Bool {
        guard case .server(let sqlState, _, _) = self else { return false }
        return sqlState == Self.queryCanceled
    }
}
