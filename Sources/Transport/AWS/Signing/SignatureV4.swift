import Crypto
import FoundationEssentials
import Synchronization

/// Signature Version 4 (IAM User Guide, "AWS Signature Version 4 for API requests"), as pure functions.
package struct SignatureV4: Sendable {
    package let credentials: AWSCredentials
    package let region: String
    /// `s3`, `sqs`, `sts`.
    package let service: String
    private let keys: SigningKeys

    static let algorithm = "AWS4-HMAC-SHA256"
    static let unsignedPayload = "UNSIGNED-PAYLOAD"

    /// - Parameter keys: what signers of one client share, so that a day's key is derived once.
    package init(credentials: AWSCredentials, region: String, service: String, keys: SigningKeys = SigningKeys()) {
        self.keys = keys
        self.credentials = credentials
        self.region = region
        self.service = service
    }

    // MARK: - In headers

    /// The request with `X-Amz-Date`, the session's token and `Authorization`; S3 also gets `x-amz-content-sha256`.
    /// Every header that is there is signed, with the host.
    package func signed(_ request: AWSRequest, at date: Date) -> AWSRequest {
        var request = request
        let time = Timestamp(date)
        request.headers.append(name: "X-Amz-Date", value: time.full)
        if let token = credentials.sessionToken {
            request.headers.append(name: "X-Amz-Security-Token", value: token)
        }
        if service == "s3" {
            request.headers.append(name: "x-amz-content-sha256", value: Self.payloadHash(request.payload))
        }
        let headers = Self.canonicalHeaders(request)
        let signature = signature(of: canonicalRequest(request, headers), time)
        request.headers.append(
            name: "Authorization",
            value: "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope(time)), "
                + "SignedHeaders=\(headers.names), Signature=\(signature)")
        return request
    }

    // MARK: - In the query

    /// A URL that stands for itself until `validFor` is over (S3 API Reference, "Authenticating requests: using query
    /// parameters"): 1 s to 7 days, and not longer than the credentials live. The body is unsigned.
    package func presigned(_ request: AWSRequest, at date: Date, validFor: Duration) -> AWSRequest {
        var request = request
        let time = Timestamp(date)
        let headers = Self.canonicalHeaders(request)
        request.query += [
            .init("X-Amz-Algorithm", Self.algorithm),
            .init("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope(time))"),
            .init("X-Amz-Date", time.full),
            .init("X-Amz-Expires", "\(max(1, min(604_800, validFor.components.seconds)))"),
            .init("X-Amz-SignedHeaders", headers.names),
        ]
        if let token = credentials.sessionToken { request.query.append(.init("X-Amz-Security-Token", token)) }
        request.query.append(
            .init("X-Amz-Signature", signature(of: canonicalRequest(request, headers), time)))
        return request
    }

    // MARK: - The steps of the guide

    /// Lower-case names, sorted; values trimmed, runs of spaces folded.
    static func canonicalHeaders(_ request: AWSRequest) -> (names: String, lines: String) {
        var values: [String: [String]] = ["host": [request.authority]]
        for field in request.headers.fields {
            values[field.name.lowercased(), default: []].append(folded(field.value))
        }
        let names = values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let lines = names.map { "\($0):\((values[$0] ?? []).joined(separator: ","))\n" }
        return (names.joined(separator: ";"), lines.joined())
    }

    func canonicalRequest(_ request: AWSRequest, _ headers: (names: String, lines: String)) -> String {
        let once = URIEncoding.encode(request.path, keepsSlash: true)
        // S3 signs the path as it is sent; every other service signs it encoded twice.
        let path = service == "s3" ? once : URIEncoding.encode(once, keepsSlash: true)
        return [
            request.method, path, Self.canonicalQuery(request.query), headers.lines, headers.names,
            Self.payloadHash(request.payload),
        ].joined(separator: "\n")
    }

    /// Sorted by encoded name, then by encoded value.
    static func canonicalQuery(_ query: [AWSRequest.QueryItem]) -> String {
        query.map { (URIEncoding.encode($0.name), URIEncoding.encode($0.value)) }
            .sorted { left, right in
                left.0 == right.0
                    ? left.1.utf8.lexicographicallyPrecedes(right.1.utf8)
                    : left.0.utf8.lexicographicallyPrecedes(right.0.utf8)
            }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    private func signature(of canonicalRequest: String, _ time: Timestamp) -> String {
        signature(Self.algorithm, time, [Self.sha256(canonicalRequest)])
    }

    /// Of a string to sign: algorithm, time, scope, and what is signed.
    func signature(_ algorithm: String, _ time: Timestamp, _ lines: [String]) -> String {
        let text = ([algorithm, time.full, scope(time)] + lines).joined(separator: "\n")
        let key = keys.key(of: credentials.secretAccessKey, scope: [time.day, region, service, "aws4_request"])
        return Self.hexadecimal(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }

    private func scope(_ time: Timestamp) -> String { "\(time.day)/\(region)/\(service)/aws4_request" }

    private static func payloadHash(_ payload: AWSRequest.Payload) -> String {
        switch payload {
        case .hash(let hash): hash
        case .chunks: ChunkSigner.payload
        case .unsigned: unsignedPayload
        }
    }

    private static func folded(_ value: String) -> String {
        value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }

    package static func sha256(_ text: String) -> String { hexadecimal(SHA256.hash(data: Array(text.utf8))) }

    package static func sha256(_ bytes: [UInt8]) -> String { hexadecimal(SHA256.hash(data: bytes)) }

    private static let digits = Array("0123456789abcdef".utf8)

    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// The signing key that was derived last (IAM User Guide, "Derive a signing key"): it is good for a day.
package final class SigningKeys: Sendable {
    private struct Derived {
        let secret: String
        let scope: [String]
        let key: SymmetricKey
    }

    private let last = Mutex<Derived?>(nil)

    package init() {}

    fileprivate func key(of secret: String, scope: [String]) -> SymmetricKey {
        last.withLock { last in
            if let last, last.secret == secret, last.scope == scope { return last.key }
            let key = scope.reduce(SymmetricKey(data: Array("AWS4\(secret)".utf8))) { key, part in
                SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
            }
            last = Derived(secret: secret, scope: scope, key: key)
            return key
        }
    }
}

/// `20130524T000000Z` and its day.
struct Timestamp: Sendable {
    let full: String
    let day: String

    init(_ date: Date) {
        full = date.formatted(
            .iso8601.year().month().day().dateSeparator(.omitted).time(includingFractionalSeconds: false)
                .timeSeparator(.omitted).timeZone(separator: .omitted))
        day = String(full.prefix(8))
    }
}
