/// One HTTP/1.1 request. The headers go out exactly as given and in their order, after `Host` (and `User-Agent`, if
/// the client has one and the caller gives none); nothing else is added but the `Content-Length` of a body.
package struct HTTPClientRequest: Sendable {
    /// What is sent after the head. A stream of known length is an argument of `HTTPClient.upload`.
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// `sizeBytes` bytes of a local file from `offsetBytes` on. The file is read on the client's thread, 64 KiB at
        /// a time: keep it on a local disk.
        case file(path: String, offsetBytes: Int64, sizeBytes: Int64)
    }

    package var method: String
    /// Absolute, `http` or `https`, already percent-encoded: its path is sent as it is, `..` included.
    package var url: String
    package var headers: HTTPHeaders
    package var body: Body

    package init(method: String = "GET", url: String, headers: HTTPHeaders = [:], body: Body = .none) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

extension HTTPClientRequest {
    /// True of methods that may be sent twice without another effect (RFC 9110, section 9.2.2).
    var isIdempotent: Bool {
        ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"].contains(method)
    }

    /// Refuses what would let a value end its header line, and lengths that contradict the body.
    func validate(bodyBytes: Int64?) throws(HTTPClientError) {
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isTokenByte) else {
            throw .invalidRequest("the method is not a token")
        }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalidRequest("the URL is not percent-encoded")
        }
        for field in headers.fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(Self.isTokenByte) else {
                throw .invalidRequest("a header name is not a token")
            }
            guard field.value.utf8.allSatisfy({ $0 != 0 && $0 != 0x0D && $0 != 0x0A }) else {
                throw .invalidRequest("the value of \(field.name) holds a control character")
            }
        }
        if headers.contains("Transfer-Encoding") {
            throw .invalidRequest("bodies have a known length, Transfer-Encoding is not supported")
        }
        if let declared = headers["Content-Length"], declared != String(bodyBytes ?? 0) {
            throw .invalidRequest("Content-Length contradicts the body")
        }
    }

    /// A token's characters, RFC 9110, section 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
