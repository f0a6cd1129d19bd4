import FoundationEssentials

extension PostgresRow {
    /// From `bool`.
    package func bool(_ column: Int) throws(PostgresError) -> Bool { try cell(column).bool() }
    package func optionalBool(_ column: Int) throws(PostgresError) -> Bool? { try optionalCell(column)?.bool() }

    /// From `int2` or `int4`.
    package func int32(_ column: Int) throws(PostgresError) -> Int32 { try cell(column).int32() }
    package func optionalInt32(_ column: Int) throws(PostgresError) -> Int32? { try optionalCell(column)?.int32() }

    /// From `int2`, `int4` or `int8`; a `sum` over `int8` is `numeric` and needs a cast.
    package func int64(_ column: Int) throws(PostgresError) -> Int64 { try cell(column).int64() }
    package func optionalInt64(_ column: Int) throws(PostgresError) -> Int64? { try optionalCell(column)?.int64() }

    /// From `float4` or `float8`.
    package func double(_ column: Int) throws(PostgresError) -> Double { try cell(column).double() }
    package func optionalDouble(_ column: Int) throws(PostgresError) -> Double? { try optionalCell(column)?.double() }

    /// From `text`, `varchar`, `char(n)`, `name`, `json`, `jsonb`, or an enumeration.
    package func text(_ column: Int) throws(PostgresError) -> String { try cell(column).text() }
    package func optionalText(_ column: Int) throws(PostgresError) -> String? { try optionalCell(column)?.text() }

    package func uuid(_ column: Int) throws(PostgresError) -> UUID { try cell(column).uuid() }
    package func optionalUUID(_ column: Int) throws(PostgresError) -> UUID? { try optionalCell(column)?.uuid() }

    /// From `bytea`.
    package func bytes(_ column: Int) throws(PostgresError) -> [UInt8] { try cell(column).bytea() }
    package func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? { try optionalCell(column)?.bytea() }

    /// From `timestamptz`, in microseconds since 1970-01-01T00:00:00Z. Infinite values throw.
    package func timestampMicroseconds(_ column: Int) throws(PostgresError) -> Int64 {
        try cell(column).timestampMicroseconds()
    }
    package func optionalTimestampMicroseconds(_ column: Int) throws(PostgresError) -> Int64? {
        try optionalCell(column)?.timestampMicroseconds()
    }

    /// From one-dimensional arrays; a NULL element throws.
    package func int32Array(_ column: Int) throws(PostgresError) -> [Int32] {
        try cell(column).array { (element) throws(PostgresError) in try element.int32() }
    }
    package func int64Array(_ column: Int) throws(PostgresError) -> [Int64] {
        try cell(column).array { (element) throws(PostgresError) in try element.int64() }
    }
    package func textArray(_ column: Int) throws(PostgresError) -> [String] {
        try cell(column).array { (element) throws(PostgresError) in try element.text() }
    }
    package func uuidArray(_ column: Int) throws(PostgresError) -> [UUID] {
        try cell(column).array { (element) throws(PostgresError) in try element.uuid() }
    }
}

/// PostgreSQL's binary formats: big-endian, as the types' `send` functions write them.
extension PostgresRow.Cell {
    fileprivate func integer<Integer: FixedWidthInteger>(_: Integer.Type, _ expected: String) throws(PostgresError)
        -> Integer
    {
        guard let value = bytes.bigEndian(Integer.self) else { throw mismatch(expected) }
        return value
    }

    func bool() throws(PostgresError) -> Bool {
        guard type == PostgresType.bool, bytes.count == 1, let byte = bytes.first else { throw mismatch("bool") }
        return byte != 0
    }

    func int32() throws(PostgresError) -> Int32 {
        switch type {
        case PostgresType.int2: return Int32(try integer(Int16.self, "int4"))
        case PostgresType.int4: return try integer(Int32.self, "int4")
        default: throw mismatch("int4")
        }
    }

    func int64() throws(PostgresError) -> Int64 {
        switch type {
        case PostgresType.int2: return Int64(try integer(Int16.self, "int8"))
        case PostgresType.int4: return Int64(try integer(Int32.self, "int8"))
        case PostgresType.int8: return try integer(Int64.self, "int8")
        default: throw mismatch("int8")
        }
    }

    func double() throws(PostgresError) -> Double {
        switch type {
        case PostgresType.float4: return Double(Float(bitPattern: try integer(UInt32.self, "float8")))
        case PostgresType.float8: return Double(bitPattern: try integer(UInt64.self, "float8"))
        default: throw mismatch("float8")
        }
    }

    func text() throws(PostgresError) -> String {
        let content: ArraySlice<UInt8>
        switch type {
        case PostgresType.text, PostgresType.varchar, PostgresType.bpchar, PostgresType.name, PostgresType.json,
            PostgresType.unknown, PostgresType.firstOfUsers...:
            content = bytes
        case PostgresType.jsonb where bytes.first == 1:
            // The first byte is the format's version.
            content = bytes.dropFirst()
        default:
            throw mismatch("text")
        }
        guard let text = String(validating: content, as: UTF8.self) else { throw mismatch("UTF-8") }
        return text
    }

    func uuid() throws(PostgresError) -> UUID {
        guard type == PostgresType.uuid, bytes.count == 16 else { throw mismatch("uuid") }
        return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    func bytea() throws(PostgresError) -> [UInt8] {
        guard type == PostgresType.bytea else { throw mismatch("bytea") }
        return Array(bytes)
    }

    func timestampMicroseconds() throws(PostgresError) -> Int64 {
        guard type == PostgresType.timestamptz else { throw mismatch("timestamptz") }
        let sinceEpoch = try integer(Int64.self, "timestamptz")
        let (value, overflow) = sinceEpoch.addingReportingOverflow(postgresEpochMicroseconds)
        guard !overflow, sinceEpoch != .min else { throw mismatch("a finite timestamptz") }
        return value
    }

    func array<Element>(
        _ read: (PostgresRow.Cell) throws(PostgresError) -> Element
    ) throws(PostgresError) -> [Element] {
        // What array_send writes, see PostgresParameters.
        let arrayTypes = [
            PostgresType.int4Array, PostgresType.int8Array, PostgresType.textArray, PostgresType.varcharArray,
            PostgresType.uuidArray,
        ]
        guard arrayTypes.contains(type) || type >= PostgresType.firstOfUsers else { throw mismatch("an array") }
        var rest = bytes
        guard let dimensions = rest.takeBigEndian(Int32.self), rest.takeBigEndian(Int32.self) != nil,
            let elementType = rest.takeBigEndian(UInt32.self)
        else { throw mismatch("an array") }
        if dimensions == 0 { return [] }
        guard dimensions == 1, let count = rest.takeBigEndian(Int32.self), count >= 0, count <= rest.count,
            rest.takeBigEndian(Int32.self) != nil
        else { throw mismatch("an array of one dimension") }
        var elements: [Element] = []
        elements.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let length = rest.takeBigEndian(Int32.self), length >= 0, length <= rest.count else {
                throw mismatch("an array without NULL")
            }
            elements.append(try read(.init(column: column, type: elementType, bytes: rest.prefix(Int(length)))))
            rest = rest.dropFirst(Int(length))
        }
        return elements
    }
}

extension ArraySlice<UInt8> {
    /// The whole slice as one integer, nil unless it has just that size.
    fileprivate func bigEndian<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer? {
        guard count == MemoryLayout<Integer>.size else { return nil }
        return withUnsafeBytes { Integer(bigEndian: $0.loadUnaligned(as: Integer.self)) }
    }

    fileprivate mutating func takeBigEndian<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer? {
        guard let value = prefix(MemoryLayout<Integer>.size).bigEndian(Integer.self) else { return nil }
        self = dropFirst(MemoryLayout<Integer>.size)
        return value
    }
}
