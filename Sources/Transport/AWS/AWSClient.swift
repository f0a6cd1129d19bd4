import Actors
import FoundationEssentials
import Logging
import Synchronization

/// Where a service is and who asks.
package struct AWSEndpoint: Sendable, Equatable {
    package let scheme: String
    /// Host, with the port unless it is the scheme's own.
    package let authority: String
    package let region: String
    /// `s3`, `sqs`, `sts`.
    package let service: String

    package init(scheme: String, authority: String, region: String, service: String) {
        self.scheme = scheme
        self.authority = authority
        self.region = region
        self.service = service
    }

    /// The public endpoint of the service (AWS General Reference, "Service endpoints and quotas").
    package init(service: String, region: String) {
        self.init(scheme: "https", authority: "\(service).\(region).amazonaws.com", region: region, service: service)
    }

    /// Of `AWS_ENDPOINT_URL` and its like; nil when it is no http URL without path.
    package init?(url: String, service: String, region: String) {
        let parts = url.split(separator: "://", maxSplits: 1).map(String.init)
        guard parts.count == 2, ["http", "https"].contains(parts[0]) else { return nil }
        let authority = parts[1].hasSuffix("/") ? String(parts[1].dropLast()) : parts[1]
        guard !authority.isEmpty, !authority.contains("/") else { return nil }
        self.init(scheme: parts[0], authority: authority, region: region, service: service)
    }

    /// Whether the host is an IP address or this machine's own name, below which there are no names of buckets.
    package var isAddress: Bool {
        let host = authority.split(separator: ":").first ?? ""
        return authority.hasPrefix("[") || host == "localhost" || host.allSatisfy { $0.isNumber || $0 == "." }
    }
}

/// Signs requests with what the provider has at the moment, and keeps the clock's offset to the service's.
package final class AWSClient: Sendable {
    package let endpoint: AWSEndpoint
    let http: HTTPClient
    private let credentials: any AWSCredentialProvider
    private let wallClock: any WallClock
    private let logger: Logger
    /// Seconds to add to the node's clock.
    private let offset = Mutex(0.0)
    /// Of the repetitions that are made below the gateway.
    let retries = Mutex(RetryQuota())
    private let keys = SigningKeys()

    package init(
        endpoint: AWSEndpoint, http: HTTPClient, credentials: any AWSCredentialProvider, wallClock: any WallClock,
        logger: Logger
    ) {
        self.endpoint = endpoint
        self.http = http
        self.credentials = credentials
        self.wallClock = wallClock
        self.logger = logger
    }

    /// Which permissions a node uses can be read from its log at `debug`.
    func note(_ action: String) { logger.debug("aws call", metadata: ["action": "\(action)"]) }

    /// Seconds that the service's clock is ahead of the node's.
    var clockOffset: TimeInterval { offset.withLock { $0 } }

    var now: Date { wallClock.now.addingTimeInterval(offset.withLock { $0 }) }

    func signer() async throws(AWSCredentialError) -> SignatureV4 {
        SignatureV4(
            credentials: try await credentials.credentials(), region: endpoint.region, service: endpoint.service,
            keys: keys)
    }

    /// Sends a request with a small answer. Of a clock that is off by more than the service bears, the difference is
    /// learnt from the answer's `Date`, and the request repeated once.
    /// - Parameter action: the permission that the call needs, as policies name it.
    package func send(
        _ request: AWSRequest, action: String, body: HTTPClientRequest.Body, deadline: Duration, maxBodyBytes: Int
    ) async throws(AWSError) -> HTTPClientResponse {
        note(action)
        let (answer, credentials) = try await sendOnce(
            request, body: body, deadline: deadline, maxBodyBytes: maxBodyBytes)
        guard await learns(from: answer, to: request.method, credentials) else { return answer }
        return try await sendOnce(request, body: body, deadline: deadline, maxBodyBytes: maxBodyBytes).answer
    }

    /// Of a refusal: the clock's offset, which makes a repetition worth while, or that the credentials are not good any
    /// more, which the next request finds out. A HEAD's refusal has no body, so the answer's `Date` has to tell.
    /// - Returns: whether to repeat at once.
    func learns(
        from answer: HTTPClientResponse, to method: String, _ used: AWSCredentials
    ) async -> Bool {
        guard answer.status == 400 || answer.status == 403 else { return false }
        let hasNoBody = method == "HEAD"
        if Self.skewCodes.contains(where: answer.says) || (hasNoBody && isFarOff(answer.head)) {
            return learnOffset(from: answer.head)
        }
        if hasNoBody || Self.badCredentialCodes.contains(where: answer.says) { await credentials.forget(used) }
        return false
    }

    /// S3's; the others' of requests whose time is too far away.
    private static let skewCodes = [
        "RequestTimeTooSkewed", "RequestExpired", "Signature expired", "Signature not yet current",
    ]
    private static let badCredentialCodes = [
        "ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException",
    ]
    /// Requests are refused from 15 minutes on (S3 API Reference, `RequestTimeTooSkewed`).
    private static let tolerableSkew: TimeInterval = 300

    private func isFarOff(_ head: HTTPClientResponseHead) -> Bool {
        guard let date = head.headers["Date"].flatMap(HTTPDate.parse) else { return false }
        return abs(date.timeIntervalSince(now)) > Self.tolerableSkew
    }

    private func sendOnce(
        _ request: AWSRequest, body: HTTPClientRequest.Body, deadline: Duration, maxBodyBytes: Int
    ) async throws(AWSError) -> (answer: HTTPClientResponse, credentials: AWSCredentials) {
        let signer = try await currentSigner()
        let signed = signer.signed(request, at: now)
        do throws(HTTPClientError) {
            let answer = try await http.send(
                HTTPClientRequest(method: signed.method, url: signed.url, headers: signed.headers, body: body),
                deadline: deadline, maxBodyBytes: maxBodyBytes)
            return (answer, signer.credentials)
        } catch {
            throw .transport(error)
        }
    }

    func sign(_ request: AWSRequest) async throws(AWSError) -> (request: AWSRequest, credentials: AWSCredentials) {
        let signer = try await currentSigner()
        return (signer.signed(request, at: now), signer.credentials)
    }

    private func currentSigner() async throws(AWSError) -> SignatureV4 {
        do throws(AWSCredentialError) { return try await signer() } catch { throw .credentials(error) }
    }

    func learnOffset(from head: HTTPClientResponseHead) -> Bool {
        guard let text = head.headers["Date"], let date = HTTPDate.parse(text) else { return false }
        offset.withLock { $0 = date.timeIntervalSince(wallClock.now) }
        return true
    }
}

extension HTTPClientResponse {
    /// Whether an error's document names this code.
    fileprivate func says(_ code: String) -> Bool {
        String(decoding: body.prefix(4096), as: UTF8.self).contains(code)
    }
}

/// Why a service of AWS gave no usable answer.
package enum AWSError: Error, Sendable, Equatable {
    case transport(HTTPClientError)
    case credentials(AWSCredentialError)
}

/// RFC 9110, 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    package static func parse(_ text: String) -> Date? {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 6, let day = Int(words[1]), let month = months.firstIndex(of: words[2]),
            let year = Int(words[3])
        else { return nil }
        let time = words[4].split(separator: ":").compactMap { Int($0) }
        guard time.count == 3 else { return nil }
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let text =
            "\(year)-\(padded(month + 1))-\(padded(day))T\(padded(time[0])):\(padded(time[1])):\(padded(time[2]))Z"
        return try? Date(text, strategy: .iso8601)
    }
}
