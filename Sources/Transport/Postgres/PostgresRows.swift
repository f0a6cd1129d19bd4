/// An answer: its rows, and how many rows the statement touched. Nothing of it belongs to libpq any more.
package struct PostgresRows: Sendable {
    /// Rows inserted, updated, deleted or selected; 0 for other commands.
    package let affectedRows: Int

    /// The command that ran, for example `COMMIT`; empty for a prepared statement.
    let commandTag: String

    fileprivate let types: [UInt32]
    fileprivate let bytes: [UInt8]
    /// Row by row, where each value ends in `bytes`; −1 − end for NULL.
    fileprivate let ends: [Int]

    init(affectedRows: Int, commandTag: String, types: [UInt32], bytes: [UInt8], ends: [Int]) {
        self.affectedRows = affectedRows
        self.commandTag = commandTag
        self.types = types
        self.bytes = bytes
        self.ends = ends
    }

    static let none = PostgresRows(affectedRows: 0, commandTag: "", types: [], bytes: [], ends: [])
}

extension PostgresRows: RandomAccessCollection {
    package var startIndex: Int { 0 }
    package var endIndex: Int { types.isEmpty ? 0 : ends.count / types.count }

    package subscript(position: Int) -> PostgresRow {
        precondition(position >= 0 && position < endIndex, "row index out of range")
        return PostgresRow(rows: self, index: position)
    }
}

/// One row. Columns are numbered from 0; reading one as a type that it has not throws `PostgresError.decoding`.
package struct PostgresRow: Sendable {
    fileprivate let rows: PostgresRows
    fileprivate let index: Int

    package var columnCount: Int { rows.types.count }
}

extension PostgresRow {
    /// A column's type and bytes, nil for NULL.
    struct Cell {
        let column: Int
        let type: UInt32
        let bytes: ArraySlice<UInt8>

        func mismatch(_ expected: String) -> PostgresError {
            .decoding(column: column, reason: "\(expected) expected, found type \(type) with \(bytes.count) bytes")
        }
    }

    func optionalCell(_ column: Int) throws(PostgresError) -> Cell? {
        guard column >= 0, column < rows.types.count else {
            throw .decoding(column: column, reason: "the answer has \(rows.types.count) columns")
        }
        let place = index * rows.types.count + column
        let end = rows.ends[place]
        guard end >= 0 else { return nil }
        let previous = place == 0 ? 0 : rows.ends[place - 1]
        let start = previous >= 0 ? previous : -1 - previous
        return Cell(column: column, type: rows.types[column], bytes: rows.bytes[start..<end])
    }

    func cell(_ column: Int) throws(PostgresError) -> Cell {
        guard let cell = try optionalCell(column) else {
            throw .decoding(column: column, reason: "the value is NULL")
        }
        return cell
    }
}
