/// A request to a service of AWS before it is signed. Path and query are unencoded: the signature and the URL must be
/// made from the same encoding.
package struct AWSRequest: Sendable, Equatable {
    /// What the signature says of the body.
    package enum Payload: Sendable, Equatable {
        /// Hexadecimal SHA-256.
        case hash(String)
        /// Chunk by chunk, as `ChunkSigner` does (S3 only).
        case chunks
        /// The body is not signed (S3 only, over TLS or with a checksum of its own).
        case unsigned
    }

    package struct QueryItem: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var method: String
    package var scheme: String
    /// Host, with the port unless it is the scheme's own.
    package var authority: String
    /// Begins with a slash.
    package var path: String
    package var query: [QueryItem]
    package var headers: HTTPHeaders
    package var payload: Payload

    package init(
        method: String, scheme: String = "https", authority: String, path: String = "/", query: [QueryItem] = [],
        headers: HTTPHeaders = [:], payload: Payload
    ) {
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.query = query
        self.headers = headers
        self.payload = payload
    }

    /// In the encoding that is signed.
    package var url: String {
        let text = query.map { "\(URIEncoding.encode($0.name))=\(URIEncoding.encode($0.value))" }
            .joined(separator: "&")
        return "\(scheme)://\(authority)\(URIEncoding.encode(path, keepsSlash: true))"
            + (text.isEmpty ? "" : "?\(text)")
    }
}
