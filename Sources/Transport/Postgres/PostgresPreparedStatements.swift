/// What one connection has prepared: for each statement one variant per combination of parameter types.
///
/// Bounded by the program's text: the statements are constants, and a NULL fits every type.
struct PostgresPreparedStatements {
    private struct Variant {
        let types: [UInt32]
        let name: String
    }

    private var variants: [String: [Variant]] = [:]
    private var count = 0

    func name(for statement: PostgresStatement, types: [UInt32]) -> String? {
        variants[statement.name]?.first { variant in
            variant.types.count == types.count
                && zip(variant.types, types).allSatisfy { $1 == PostgresType.unspecified || $0 == $1 }
        }?.name
    }

    /// The server keeps 63 bytes of a name: the number that tells them apart comes first.
    mutating func makeName(for statement: PostgresStatement) -> String {
        count += 1
        return "\(count)_\(statement.name)"
    }

    mutating func insert(_ name: String, for statement: PostgresStatement, types: [UInt32]) {
        variants[statement.name, default: []].append(Variant(types: types, name: name))
    }

    mutating func remove(_ statement: PostgresStatement) {
        variants[statement.name] = nil
    }
}
