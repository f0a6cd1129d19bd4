/// The percent encodings of form data: names in a body, and the whole of a query.
enum PercentDecoding {
    /// What browsers encode in a name or file name: quote, CR and LF, nothing else (WHATWG HTML, section 4.10.22.8).
    /// A percent sign of the name itself stays as it is.
    static func decodeFormName(_ text: String) -> String {
        decode(text) { [0x22, 0x0D, 0x0A].contains($0) }
    }

    /// The value of `filename*` (RFC 8187, section 3.2): charset, language and percent-encoded text. nil when it is
    /// none, or not UTF-8.
    static func decodeExtendedValue(_ text: String) -> String? {
        let parts = text.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].lowercased() == "utf-8" else { return nil }
        return String(validating: decodedBytes(String(parts[2])) { _ in true }, as: UTF8.self)
    }

    /// A name or value of a query, as forms and URLSearchParams write them: a plus is a space.
    static func decodeQuery(_ text: Substring) -> String {
        let bytes = text.utf8.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return decode(String(decoding: bytes, as: UTF8.self)) { _ in true }
    }

    private static func decode(_ text: String, _ isDecoded: (UInt8) -> Bool) -> String {
        String(decoding: decodedBytes(text, isDecoded), as: UTF8.self)
    }

    private static func decodedBytes(_ text: String, _ isDecoded: (UInt8) -> Bool) -> [UInt8] {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hexDigit(bytes[index + 1]),
                let low = hexDigit(bytes[index + 2]), isDecoded(high << 4 | low)
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
