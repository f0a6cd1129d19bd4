import Actors

/// How objects of one bucket are addressed (S3 User Guide, "Virtual hosting of general purpose buckets").
package struct S3Bucket: Sendable, Equatable {
    package let name: String
    /// `/{bucket}/{key}` on the endpoint's host: what servers on loopback and names with dots want.
    package let isPathStyle: Bool

    package init(name: String, isPathStyle: Bool) {
        self.name = name
        self.isPathStyle = isPathStyle
    }

    func request(
        _ method: String, _ key: ObjectKey?, on endpoint: AWSEndpoint, query: [AWSRequest.QueryItem] = [],
        headers: HTTPHeaders = [:], payload: AWSRequest.Payload = .hash(Self.emptyHash)
    ) -> AWSRequest {
        let object = key.map { "/\($0.name)" } ?? "/"
        return AWSRequest(
            method: method, scheme: endpoint.scheme,
            authority: isPathStyle ? endpoint.authority : "\(name).\(endpoint.authority)",
            path: isPathStyle ? "/\(name)\(key == nil ? "" : object)" : object, query: query, headers: headers,
            payload: payload)
    }

    /// SHA-256 of nothing.
    static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
}
