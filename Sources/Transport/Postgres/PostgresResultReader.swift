import CLibPQ

/// Collects the results of one exchange until the server is ready for the next.
struct PostgresResultReader {
    /// The last result without an error: the one whose rows the caller gets.
    private(set) var rows = PostgresRows.none
    /// The first error that the server reported: it counts even after rows, since a commit may fail behind them.
    private(set) var failure: PostgresError?
    /// The connection has ended, or the session is about to.
    private(set) var lossReason: String?
    /// A COPY was begun, which this client does not speak.
    private(set) var isCopying = false

    mutating func read(_ result: OpaquePointer, isScript: Bool) {
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY, PGRES_SINGLE_TUPLE:
            rows = PostgresRows(copying: result, isScript: isScript)
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            isCopying = true
        default:
            readError(result)
        }
    }

    private mutating func readError(_ result: OpaquePointer) {
        let message = string(clibpq_message(result)) ?? string(UnsafePointer(PQresultErrorMessage(result))) ?? ""
        // Without a code the error is libpq's own: the connection is gone.
        guard let sqlState = string(clibpq_sqlstate(result)) else {
            lossReason = lossReason ?? message
            return
        }
        if let severity = string(clibpq_severity(result)), severity == "FATAL" || severity == "PANIC" {
            lossReason = lossReason ?? message
        }
        failure =
            failure ?? .server(sqlState: sqlState, message: message, constraint: string(clibpq_constraint(result)))
    }
}

private func string(_ pointer: UnsafePointer<CChar>?) -> String? {
    pointer.map { String(cString: $0) }
}

extension PostgresRows {
    /// Copies a result, so that it can be freed.
    fileprivate init(copying result: OpaquePointer, isScript: Bool) {
        let rowCount = PQntuples(result)
        let columnCount = PQnfields(result)
        var types: [UInt32] = []
        types.reserveCapacity(Int(columnCount))
        for column in 0..<columnCount { types.append(PQftype(result, column)) }
        var bytes: [UInt8] = []
        var ends: [Int] = []
        ends.reserveCapacity(Int(rowCount) * Int(columnCount))
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                    ends.append(-1 - bytes.count)
                    continue
                }
                let length = Int(PQgetlength(result, row, column))
                bytes.append(contentsOf: UnsafeRawBufferPointer(start: value, count: length))
                ends.append(bytes.count)
            }
        }
        self.init(
            affectedRows: string(UnsafePointer(PQcmdTuples(result))).flatMap { Int($0) } ?? 0,
            commandTag: isScript ? string(UnsafePointer(PQcmdStatus(result))) ?? "" : "",
            types: types, bytes: bytes, ends: ends)
    }
}
