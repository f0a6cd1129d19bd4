import Actors
import FoundationEssentials

extension PostgresValue {
    static func id<Subject>(_ id: Identifier<Subject>) -> PostgresValue { .uuid(id.uuid) }

    static func id<Subject>(_ id: Identifier<Subject>?) -> PostgresValue { id.map { .uuid($0.uuid) } ?? .null }

    static func optional(_ text: String?) -> PostgresValue { text.map { .text($0) } ?? .null }

    static func ids<Subject>(_ ids: [Identifier<Subject>]) -> PostgresValue { .uuidArray(ids.map(\.uuid)) }

    /// Dispatches, counts: what the schema keeps as `integer`.
    static func count(_ count: Int) -> PostgresValue { .int32(Int32(clamping: count)) }

    /// Whole microseconds, for `$1 * interval '1 microsecond'`.
    static func microseconds(_ duration: Duration) -> PostgresValue { .int64(duration.nanoseconds / 1000) }

    /// Whole milliseconds, rounded; NULL for nil.
    static func milliseconds(_ duration: Duration?) -> PostgresValue {
        guard let duration else { return .null }
        return .int64((duration.nanoseconds / 1000 + 500) / 1000)
    }
}

extension PostgresRow {
    func id<Subject>(_ column: Int) throws(PostgresError) -> Identifier<Subject> { Identifier(try uuid(column)) }

    func count(_ column: Int) throws(PostgresError) -> Int { Int(try int64(column)) }

    func date(_ column: Int) throws(PostgresError) -> Date {
        Self.date(microseconds: try timestampMicroseconds(column))
    }

    func optionalDate(_ column: Int) throws(PostgresError) -> Date? {
        try optionalTimestampMicroseconds(column).map(Self.date(microseconds:))
    }

    func optionalMilliseconds(_ column: Int) throws(PostgresError) -> Duration? {
        try optionalInt64(column).map { .milliseconds($0) }
    }

    private static func date(microseconds: Int64) -> Date { Date(timeIntervalSince1970: Double(microseconds) / 1e6) }
}
