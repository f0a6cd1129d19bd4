/// A satisfiable part of a representation of `sizeBytes` bytes.
package struct ByteRange: Sendable, Equatable {
    /// Half open, never empty, within the size.
    package let bytes: Range<Int64>
    package let sizeBytes: Int64

    package init(bytes: Range<Int64>, sizeBytes: Int64) {
        precondition(!bytes.isEmpty && bytes.lowerBound >= 0 && bytes.upperBound <= sizeBytes)
        self.bytes = bytes
        self.sizeBytes = sizeBytes
    }

    /// The value of `Content-Range` in a 206 (RFC 9110, section 14.4).
    package var contentRange: String { "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/\(sizeBytes)" }

    /// The value of `Content-Range` in a 416.
    package static func unsatisfiedContentRange(sizeBytes: Int64) -> String { "bytes */\(sizeBytes)" }
}
