/// How a GET with or without `Range` is answered.
package enum RangeDecision: Sendable, Equatable {
    /// 200 and the whole representation.
    case whole
    /// 206 and a part of it.
    case partial(ByteRange)
    /// 416, with `Content-Range: bytes */size`.
    case unsatisfiable(sizeBytes: Int64)

    /// - Parameters:
    ///   - range: the request's `Range` field, the values of repeated ones joined by commas.
    ///   - ifRange: its `If-Range` field. Only an entity tag can match: a date is never taken as a strong validator.
    ///   - etag: the representation's entity tag, with its quotes.
    ///   - sizeBytes: the representation's size.
    package init(range: String?, ifRange: String?, etag: String?, sizeBytes: Int64) {
        guard let range, let specifier = RangeSpecifier(range) else {
            self = .whole
            return
        }
        if let ifRange, !Self.isStrongMatch(ifRange, etag) {
            self = .whole
            return
        }
        self = specifier.resolve(sizeBytes: sizeBytes).map(Self.partial) ?? .unsatisfiable(sizeBytes: sizeBytes)
    }

    /// RFC 9110, section 8.8.3.2: both strong and the same, byte for byte.
    private static func isStrongMatch(_ condition: String, _ etag: String?) -> Bool {
        guard let etag, etag.utf8.count >= 2, etag.utf8.first == UInt8(ascii: "\""),
            etag.utf8.last == UInt8(ascii: "\"")
        else { return false }
        return condition.utf8.elementsEqual(etag.utf8)
    }
}
