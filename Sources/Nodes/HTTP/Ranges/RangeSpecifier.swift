/// The one range of a `Range` field that this server honours (RFC 9110, section 14.1.2).
package enum RangeSpecifier: Sendable, Equatable {
    /// From `first` to `last`, both included; nil: to the end.
    case from(first: Int64, last: Int64?)
    /// The last bytes.
    case suffix(Int64)

    /// nil for what a server may ignore: another unit, several ranges, anything malformed. Positions beyond Int64 are
    /// taken as its largest value.
    package init?(_ field: String) {
        let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].lowercased() == "bytes" else { return nil }
        let bounds = Self.trimmed(parts[1]).split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return nil }
        switch (Self.position(bounds[0]), Self.position(bounds[1])) {
        case (let first?, let last?) where first <= last: self = .from(first: first, last: last)
        case (let first?, nil) where bounds[1].isEmpty: self = .from(first: first, last: nil)
        case (nil, let length?) where bounds[0].isEmpty: self = .suffix(length)
        default: return nil
        }
    }

    /// nil when no byte of a representation of that size is meant.
    package func resolve(sizeBytes: Int64) -> ByteRange? {
        switch self {
        case .from(let first, let last):
            guard first < sizeBytes else { return nil }
            let end = last.map { min($0, sizeBytes - 1) + 1 } ?? sizeBytes
            return ByteRange(bytes: first..<end, sizeBytes: sizeBytes)
        case .suffix(let length):
            guard length > 0, sizeBytes > 0 else { return nil }
            return ByteRange(bytes: max(sizeBytes - length, 0)..<sizeBytes, sizeBytes: sizeBytes)
        }
    }

    private static func position(_ digits: Substring) -> Int64? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(digits) ?? .max
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var result = text.drop { $0 == " " || $0 == "\t" }
        while let last = result.last, last == " " || last == "\t" { result.removeLast() }
        return result
    }
}
