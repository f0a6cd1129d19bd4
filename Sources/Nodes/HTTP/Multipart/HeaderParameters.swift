/// A header value of the form `value; name=token; name="quoted"` (RFC 9110, section 5.6.6). Value and names are
/// lowercased.
struct HeaderParameters: Equatable {
    let value: String
    private let parameters: [String: String]

    /// nil when it is malformed, or names a parameter twice: recipients would disagree on which one counts.
    init?(_ text: String) {
        var scanner = Scanner(bytes: Array(text.utf8))
        value = Self.lowercased(scanner.takeUntil { $0 == UInt8(ascii: ";") })
        guard !value.isEmpty else { return nil }
        var parameters: [String: String] = [:]
        while scanner.skip(UInt8(ascii: ";")) {
            scanner.skipSpace()
            if scanner.isAtEnd { break }
            if scanner.peek == UInt8(ascii: ";") { continue }
            let name = Self.lowercased(scanner.takeUntil { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ";") })
            guard !name.isEmpty, scanner.skip(UInt8(ascii: "=")) else { return nil }
            scanner.skipSpace()
            guard let parameter = scanner.takeParameterValue() else { return nil }
            guard parameters.updateValue(parameter, forKey: name) == nil else { return nil }
            scanner.skipSpace()
        }
        guard scanner.isAtEnd else { return nil }
        self.parameters = parameters
    }

    subscript(name: String) -> String? { parameters[name] }

    private static func lowercased(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self).lowercased()
    }
}

extension HeaderParameters {
    private struct Scanner {
        let bytes: [UInt8]
        var index = 0

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        var isAtEnd: Bool { index == bytes.count }
        var peek: UInt8? { isAtEnd ? nil : bytes[index] }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard peek == byte else { return false }
            index += 1
            return true
        }

        mutating func skipSpace() {
            while peek == 0x20 || peek == 0x09 { index += 1 }
        }

        /// Up to the separator or the end, without the space around.
        mutating func takeUntil(_ isSeparator: (UInt8) -> Bool) -> ArraySlice<UInt8> {
            skipSpace()
            let start = index
            while let byte = peek, !isSeparator(byte) { index += 1 }
            var end = index
            while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
            return bytes[start..<end]
        }

        mutating func takeParameterValue() -> String? {
            guard skip(UInt8(ascii: "\"")) else {
                let token = takeUntil { $0 == UInt8(ascii: ";") }
                return token.contains(UInt8(ascii: "\"")) ? nil : String(decoding: token, as: UTF8.self)
            }
            let start = index
            if let value = takeQuoted(escapes: true) { return value }
            // A name that ends with a backslash: browsers do not escape it (WHATWG HTML, section 4.10.22.8).
            index = start
            return takeQuoted(escapes: false)
        }

        /// `\"` and `\\` are escapes; a backslash before anything else is a part of a path.
        private mutating func takeQuoted(escapes: Bool) -> String? {
            var result: [UInt8] = []
            while let byte = peek {
                index += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: result, as: UTF8.self) }
                if escapes, byte == UInt8(ascii: "\\"), let next = peek,
                    next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\")
                {
                    index += 1
                    result.append(next)
                } else {
                    result.append(byte)
                }
            }
            return nil
        }
    }
}
