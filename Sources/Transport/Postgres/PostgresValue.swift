import FoundationEssentials

/// A statement's parameter. Its case decides the type that the server is told.
package enum PostgresValue: Sendable, Equatable {
    /// Of any type.
    case null
    case bool(Bool)
    case int32(Int32)
    case int64(Int64)
    case double(Double)
    /// Must not contain U+0000, which PostgreSQL refuses.
    case text(String)
    case uuid(UUID)
    case bytea([UInt8])
    /// `timestamptz`, in microseconds since 1970-01-01T00:00:00Z.
    case timestamp(microseconds: Int64)
    case int32Array([Int32])
    case int64Array([Int64])
    case textArray([String])
    case uuidArray([UUID])
}

/// Object identifiers of built-in types (`pg_type.dat` of PostgreSQL's source).
enum PostgresType {
    static let unspecified: UInt32 = 0
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let json: UInt32 = 114
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let unknown: UInt32 = 705
    static let int4Array: UInt32 = 1007
    static let textArray: UInt32 = 1009
    static let varcharArray: UInt32 = 1015
    static let int8Array: UInt32 = 1016
    static let bpchar: UInt32 = 1042
    static let varchar: UInt32 = 1043
    static let timestamptz: UInt32 = 1184
    static let uuid: UInt32 = 2950
    static let uuidArray: UInt32 = 2951
    static let jsonb: UInt32 = 3802
    /// Types made by users (enumerations, citext, …) begin here.
    static let firstOfUsers: UInt32 = 16384
}

/// Microseconds from 1970 to 2000, PostgreSQL's epoch.
let postgresEpochMicroseconds: Int64 = 946_684_800_000_000

extension PostgresValue {
    var type: UInt32 {
        switch self {
        case .null: PostgresType.unspecified
        case .bool: PostgresType.bool
        case .int32: PostgresType.int4
        case .int64: PostgresType.int8
        case .double: PostgresType.float8
        case .text: PostgresType.text
        case .uuid: PostgresType.uuid
        case .bytea: PostgresType.bytea
        case .timestamp: PostgresType.timestamptz
        case .int32Array: PostgresType.int4Array
        case .int64Array: PostgresType.int8Array
        case .textArray: PostgresType.textArray
        case .uuidArray: PostgresType.uuidArray
        }
    }
}

/// Parameters in the binary format, encoded by the caller so that the client's thread only passes pointers on.
struct PostgresParameters: Sendable {
    private(set) var types: [UInt32] = []
    /// Where each value lies in `bytes`; nil is NULL.
    private(set) var ranges: [Range<Int>?] = []
    private(set) var bytes: [UInt8] = []

    init(_ values: [PostgresValue]) {
        types.reserveCapacity(values.count)
        ranges.reserveCapacity(values.count)
        for value in values {
            types.append(value.type)
            let start = bytes.count
            ranges.append(append(value) ? start..<bytes.count : nil)
        }
        // An empty value at the end still needs an address inside the buffer: for libpq a null pointer means NULL.
        bytes.append(0)
    }

    /// Whether the value is not NULL.
    private mutating func append(_ value: PostgresValue) -> Bool {
        switch value {
        case .null: return false
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .int32(let value): bytes.append(bigEndian: value)
        case .int64(let value): bytes.append(bigEndian: value)
        case .double(let value): bytes.append(bigEndian: value.bitPattern)
        case .text(let value): bytes.append(contentsOf: value.utf8)
        case .uuid(let value): bytes.append(uuid: value)
        case .bytea(let value): bytes.append(contentsOf: value)
        case .timestamp(let microseconds):
            // The years before −290,000 lie below the server's range anyway; it refuses what saturates.
            let (value, overflow) = microseconds.subtractingReportingOverflow(postgresEpochMicroseconds)
            bytes.append(bigEndian: overflow ? Int64.min + 1 : value)
        case .int32Array(let values):
            appendArray(of: PostgresType.int4, values) { $0.append(bigEndian: $1) }
        case .int64Array(let values):
            appendArray(of: PostgresType.int8, values) { $0.append(bigEndian: $1) }
        case .textArray(let values):
            appendArray(of: PostgresType.text, values) { $0.append(contentsOf: $1.utf8) }
        case .uuidArray(let values):
            appendArray(of: PostgresType.uuid, values) { $0.append(uuid: $1) }
        }
        return true
    }

    /// The layout that `array_recv` reads: dimensions, a flag for NULLs, the element type, then size and lower bound
    /// of each dimension, then each element after its length.
    private mutating func appendArray<Element>(
        of type: UInt32,
        _ elements: [Element],
        _ appendElement: (inout [UInt8], Element) -> Void,
    ) {
        bytes.append(bigEndian: Int32(elements.isEmpty ? 0 : 1))
        bytes.append(bigEndian: Int32(0))
        bytes.append(bigEndian: type)
        guard !elements.isEmpty else { return }
        bytes.append(bigEndian: Int32(clamping: elements.count))
        bytes.append(bigEndian: Int32(1))
        for element in elements {
            let lengthAt = bytes.count
            bytes.append(bigEndian: Int32(0))
            appendElement(&bytes, element)
            let length = UInt32(clamping: bytes.count - lengthAt - 4)
            for place in 0..<4 { bytes[lengthAt + place] = UInt8(truncatingIfNeeded: length >> (24 - 8 * place)) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(uuid value: UUID) {
        Swift.withUnsafeBytes(of: value.uuid) { append(contentsOf: $0) }
    }
}
