/// Collects libcurl's header lines into the head of the final response. Sans I/O.
struct ResponseHeadParser {
    enum Progress: Equatable {
        case more
        case head(HTTPClientResponseHead)
        case tooLarge
        case malformed
    }

    private let maxBytes: Int
    private var sizeBytes = 0
    private var status: Int?
    private var headers = HTTPHeaders()

    init(maxBytes: Int) {
        self.maxBytes = maxBytes
    }

    /// Takes one line with its line end. Interim (1xx) responses are skipped.
    mutating func receive(_ line: UnsafeRawBufferPointer) -> Progress {
        sizeBytes += line.count
        guard sizeBytes <= maxBytes else { return .tooLarge }
        let text = Self.trimmed(line[...])
        if text.isEmpty { return endOfHead() }
        if text.starts(with: "HTTP/".utf8) { return statusLine(text) }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return .malformed }
        headers.append(
            name: String(decoding: text[..<colon], as: UTF8.self),
            value: String(decoding: Self.trimmed(text[(colon + 1)...]), as: UTF8.self)
        )
        return .more
    }

    private mutating func statusLine(_ text: Slice<UnsafeRawBufferPointer>) -> Progress {
        headers = HTTPHeaders()
        let parts = text.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count >= 2, let code = Int(String(decoding: parts[1], as: UTF8.self)) else { return .malformed }
        status = code
        return .more
    }

    private mutating func endOfHead() -> Progress {
        guard let status else { return .malformed }
        if (100..<200).contains(status), status != 101 { return .more }
        return .head(HTTPClientResponseHead(status: status, headers: headers))
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        var result = bytes.drop(while: isSpace)
        while let last = result.last, isSpace(last) { result.removeLast() }
        return result
    }
}
