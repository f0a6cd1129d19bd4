import Actors
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import Nodes
import Synchronization
import Testing
import Transport

@Suite("What becomes of errors")
struct EdgeMiddlewareTests {
    private struct Inside: Error, CustomStringConvertible {
        let description = "the password is swordfish, in /srv/secret"
    }

    private final class Collected: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        func add(_ buffer: ByteBuffer) { bytes.withLock { $0 += Array(buffer.readableBytesView) } }
        var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
    }

    private struct Collector: ResponseBodyWriter {
        let collected: Collected
        mutating func write(_ buffer: ByteBuffer) async throws { collected.add(buffer) }
        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    private static func answer(to error: any Error, method: HTTPRequest.Method = .get) async throws
        -> (response: Response, body: String)
    {
        let edge = EdgeMiddleware(
            metrics: MetricMailbox("metrics", capacity: 8), clock: SystemClock(), random: SystemRandomSource(),
            corsOrigins: [], logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
        let context = APIContext(
            source: ApplicationRequestContextSource(channel: EmbeddedChannel(), logger: Logger(label: "quiet")))
        let request = Request(
            head: HTTPRequest(
                method: method, scheme: "http", authority: "a", path: "/", headerFields: [:]),
            body: RequestBody(buffer: ByteBuffer()))
        let response = try await edge.handle(request, context: context) { _, _ in throw error }
        let collected = Collected()
        try await response.body.write(Collector(collected: collected))
        return (response, collected.text)
    }

    @Test("a defect is a 500 that tells its request id, and nothing of the inside")
    func defect() async throws {
        let (response, body) = try await Self.answer(to: Inside())
        #expect(response.status == .internalServerError)
        let id = try #require(HTTPField.Name("X-Request-Id").flatMap { response.headers[$0] })
        #expect(body.contains("\"request_id\":\"\(id)\""))
        #expect(!body.contains("swordfish") && !body.contains("/srv"))
        #expect(response.headers[.xContentTypeOptions] == "nosniff")
        let refused = try await Self.answer(to: RepositoryError.refused("relation \"users\" of swordfish"))
        #expect(refused.response.status == .internalServerError && !refused.body.contains("users"))
    }

    @Test("a database that is away is a 503 that says when to come back")
    func away() async throws {
        let (response, body) = try await Self.answer(to: RepositoryError.unavailable("at 10.0.0.9, swordfish"))
        #expect(response.status == .serviceUnavailable && response.headers[.retryAfter] == "2")
        #expect(!body.contains("10.0.0.9"))
    }

    @Test("no answer to HEAD has a body")
    func head() async throws {
        let (response, body) = try await Self.answer(to: Inside(), method: .head)
        #expect(response.status == .internalServerError && body.isEmpty)
        #expect(Int(response.headers[.contentLength] ?? "") ?? 0 > 0)
    }
}
