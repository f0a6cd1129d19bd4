/// One element of a small XML document, as S3 and STS answer (S3 API Reference, response syntax): elements, text and the
/// five predefined entities with character references; attributes, comments and declarations are skipped.
struct XMLElement: Sendable, Equatable {
    let name: String
    private(set) var text = ""
    private(set) var children: [XMLElement] = []

    /// Bounds the nesting of an answer; S3's go four deep.
    private static let maximumDepth = 16

    /// Nil when the document is not well formed.
    init?(parsing bytes: [UInt8]) {
        var scanner = Scanner(bytes: bytes[...])
        guard let root = scanner.element(depth: 0) else { return nil }
        self = root
    }

    private init(name: String) {
        self.name = name
    }

    subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    private struct Scanner {
        var bytes: ArraySlice<UInt8>

        mutating func element(depth: Int) -> XMLElement? {
            guard depth < XMLElement.maximumDepth, skipToTag(), let tag = tag(), !tag.isEnd else { return nil }
            var element = XMLElement(name: tag.name)
            if tag.isEmpty { return element }
            while true {
                guard let open = bytes.firstIndex(of: UInt8(ascii: "<")) else { return nil }
                guard let text = Self.unescaped(bytes[..<open]) else { return nil }
                element.text += text
                bytes = bytes[open...]
                if bytes.starts(with: "<!--".utf8) || bytes.starts(with: "<?".utf8) {
                    guard skipDeclaration() else { return nil }
                } else if bytes.starts(with: "</".utf8) {
                    guard let end = self.tag(), end.isEnd, end.name == element.name else { return nil }
                    return element
                } else {
                    guard let child = self.element(depth: depth + 1) else { return nil }
                    element.children.append(child)
                }
            }
        }

        private mutating func skipToTag() -> Bool {
            while let open = bytes.firstIndex(of: UInt8(ascii: "<")) {
                bytes = bytes[open...]
                guard bytes.starts(with: "<?".utf8) || bytes.starts(with: "<!".utf8) else { return true }
                guard skipDeclaration() else { return false }
            }
            return false
        }

        private mutating func skipDeclaration() -> Bool {
            guard let close = bytes.firstIndex(of: UInt8(ascii: ">")) else { return false }
            bytes = bytes[(close + 1)...]
            return true
        }

        /// Consumes `<name …>`, `<name …/>` or `</name>`.
        private mutating func tag() -> (name: String, isEnd: Bool, isEmpty: Bool)? {
            guard let close = bytes.firstIndex(of: UInt8(ascii: ">")) else { return nil }
            var inside = bytes[bytes.startIndex + 1..<close]
            bytes = bytes[(close + 1)...]
            let isEnd = inside.first == UInt8(ascii: "/")
            if isEnd { inside = inside.dropFirst() }
            let isEmpty = inside.last == UInt8(ascii: "/")
            if isEmpty { inside = inside.dropLast() }
            let name = inside.prefix { !" \t\r\n".utf8.contains($0) }
            guard !name.isEmpty else { return nil }
            return (String(decoding: name, as: UTF8.self), isEnd, isEmpty)
        }

        private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String? {
            guard bytes.contains(UInt8(ascii: "&")) else { return String(decoding: bytes, as: UTF8.self) }
            var text = ""
            var rest = String(decoding: bytes, as: UTF8.self)[...]
            while let start = rest.firstIndex(of: "&") {
                text += rest[..<start]
                guard let end = rest[start...].firstIndex(of: ";") else { return nil }
                guard let character = character(rest[rest.index(after: start)..<end]) else { return nil }
                text.unicodeScalars.append(character)
                rest = rest[rest.index(after: end)...]
            }
            return text + rest
        }

        private static func character(_ entity: Substring) -> Unicode.Scalar? {
            switch entity {
            case "amp": return "&"
            case "lt": return "<"
            case "gt": return ">"
            case "quot": return "\""
            case "apos": return "'"
            default:
                guard entity.hasPrefix("#") else { return nil }
                let digits = entity.dropFirst()
                let code = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
                return code.flatMap(Unicode.Scalar.init)
            }
        }
    }
}
