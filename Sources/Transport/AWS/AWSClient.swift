import Actors
import FoundationEssentials
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
}

/// Signs requests with what the provider has at the moment, and keeps the clock's offset to the service's.
package final class AWSClient: Sendable {
    package let endpoint: AWSEndpoint
    let http: HTTPClient
    private let credentials: any AWSCredentialProvider
    private let wallClock: any WallClock
    /// Seconds to add to the node's clock.
    private let offset = Mutex(0.0)

    package init(
        endpoint: AWSEndpoint, http: HTTPClient, credentials: any AWSCredentialProvider, wallClock: any WallClock
    ) {
        self.endpoint = endpoint
        self.http = http
        self.credentials = credentials
        self.wallClock = wallClock
    }

    var now: Date { wallClock.now.addingTimeInterval(offset.withLock { $0 }) }

    func signer() async throws(AWSCredentialError) -> SignatureV4 {
        SignatureV4(
            credentials: try await credentials.credentials(), region: endpoint.region, service: endpoint.service)
    }

    /// Sends a request with a small answer. Of a clock that is off by more than the service bears, the difference is
    /// learnt from the answer's `Date`, and the request repeated once.
    func send(
        _ request: AWSRequest, body: HTTPClientRequest.Body, deadline: Duration, maxBodyBytes: Int
    ) async throws(AWSError) -> HTTPClientResponse {
        let answer = try await sendOnce(request, body: body, deadline: deadline, maxBodyBytes: maxBodyBytes)
        guard answer.status == 403 || answer.status == 400, isSkew(answer), learnOffset(from: answer.head) else {
            return answer
        }
        return try await sendOnce(request, body: body, deadline: deadline, maxBodyBytes: maxBodyBytes)
    }

    private func sendOnce(
        _ request: AWSRequest, body: HTTPClientRequest.Body, deadline: Duration, maxBodyBytes: Int
    ) async throws(AWSError) -> HTTPClientResponse {
        let signed = try await sign(request)
        do throws(HTTPClientError) {
            return try await http.send(
                HTTPClientRequest(method: signed.method, url: signed.url, headers: signed.headers, body: body),
                deadline: deadline, maxBodyBytes: maxBodyBytes)
        } catch {
            throw .transport(error)
        }
    }

    func sign(_ request: AWSRequest) async throws(AWSError) -> AWSRequest {
        do throws(AWSCredentialError) {
            return try await signer().signed(request, at: now)
        } catch {
            throw .credentials(error)
        }
    }

    /// `RequestTimeTooSkewed` (S3), `RequestExpired`, `InvalidSignatureException` with its "Signature expired" (others).
    private func isSkew(_ answer: HTTPClientResponse) -> Bool {
        let text = String(decoding: answer.body.prefix(4096), as: UTF8.self)
        return ["RequestTimeTooSkewed", "RequestExpired", "Signature expired", "Signature not yet current"].contains {
            text.contains($0)
        }
    }

    func learnOffset(from head: HTTPClientResponseHead) -> Bool {
        guard let text = head.headers["Date"], let date = HTTPDate.parse(text) else { return false }
        offset.withLock { $0 = date.timeIntervalSince(wallClock.now) }
        return true
    }
}

/// Why a service of AWS gave no usable answer.
package enum AWSError: Error, Sendable, Equatable {
    case transport(HTTPClientError)
    case credentials(AWSCredentialError)
}

/// RFC 9110, 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func parse(_ text: String) -> Date? {
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
