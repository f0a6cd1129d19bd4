import Actors
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

/// The first and last thing that a request meets: its id, its measure, the headers of every response, and errors in the
/// contract's shape.
package struct EdgeMiddleware: RouterMiddleware {
    package typealias Context = APIContext

    let metrics: MetricMailbox
    let clock: any NodeClock
    let corsOrigins: Set<String>
    private let requestIDs: RequestIDs
    let logger: Logger

    package init(
        metrics: MetricMailbox, clock: any NodeClock, random: any RandomSource, corsOrigins: Set<String>, logger: Logger
    ) {
        self.metrics = metrics
        self.clock = clock
        self.corsOrigins = corsOrigins
        self.logger = logger
        requestIDs = RequestIDs(start: random.next())
    }

    /// OWASP REST Security Cheat Sheet, "Security Headers", for an API that serves no pages.
    static let securityHeaders: HTTPFields = {
        var fields = HTTPFields()
        fields[.cacheControl] = "no-store"
        fields[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        fields[.strictTransportSecurity] = "max-age=63072000; includeSubDomains"
        fields[.xContentTypeOptions] = "nosniff"
        fields[Self.name("X-Frame-Options")] = "DENY"
        fields[Self.name("Referrer-Policy")] = "no-referrer"
        fields[Self.name("Permissions-Policy")] = "interest-cohort=()"
        fields[Self.name("Cross-Origin-Resource-Policy")] = "cross-origin"
        return fields
    }()

    static let requestIDName = name("X-Request-Id")

    package func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let start = clock.now
        var context = context
        context.requestID = requestID(of: request)
        var response: Response
        do {
            guard Self.isValid(authority: request.head.authority) else {
                throw APIError(.badRequest, "Cabecera Host inválida (Invalid Host header)")
            }
            response = try await next(request, context)
        } catch {
            response = answer(to: error, context: context).response(requestID: context.requestID)
        }
        finish(&response, request, context)
        // Refusals, too: a body would be taken for the next answer (RFC 9110, 9.3.2).
        if request.method == .head { response = response.createHeadResponse() }
        record(request, context, response.status.code, took: start.duration(to: clock.now))
        // Only what a route answers has a name of its own: any other would be the client's to invent.
        let isRoute = context.endpointPath != nil && response.status != .methodNotAllowed
        metrics.send(
            .request(
                route: isRoute ? context.endpointPath ?? "" : "unmatched",
                method: isRoute ? request.method.rawValue : "ANY", status: response.status.code,
                duration: start.duration(to: clock.now)))
        return response
    }

    /// Absolute URLs are made from it (RFC 9110, 7.2; RFC 3986, 3.2: host and port, no user).
    private static func isValid(authority: String?) -> Bool {
        guard let authority else { return true }
        return (1...255).contains(authority.utf8.count)
            && authority.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: ".-_:[]".utf8.contains(byte)
                }
            }
    }

    private func answer(to error: any Error, context: APIContext) -> APIError {
        switch error {
        case let error as APIError: return error
        case RepositoryError.unavailable, is ObjectStoreError, is AccountService.Failure:
            logger.error(
                "request failed", metadata: ["error": "\(error)", "request_id": "\(context.requestID)"])
            return .unavailable(retryAfterSeconds: 2)
        case let error as any HTTPResponseError where error.status == .notFound: return .notFound
        case let error as any HTTPResponseError where error.status.code < 500:
            return APIError(error.status, "Petición inválida (\(error.status.reasonPhrase))")
        default:
            logger.error(
                "request failed", metadata: ["error": "\(error)", "request_id": "\(context.requestID)"])
            return .internalError
        }
    }

    /// Reads are many and change nothing: they are logged only where each request is wanted.
    private func record(_ request: Request, _ context: APIContext, _ status: Int, took duration: Duration) {
        let isRead = request.method == .get || request.method == .head || request.method == .options
        let level: Logger.Level = status >= 500 ? .warning : isRead ? .debug : .info
        logger.log(
            level: level, "request",
            metadata: [
                "method": "\(request.method.rawValue)", "path": "\(request.uri.path)", "status": "\(status)",
                "milliseconds": "\(duration.milliseconds)", "request_id": "\(context.requestID)",
            ])
    }

    private func finish(_ response: inout Response, _ request: Request, _ context: APIContext) {
        // By appending alone: looking a name up makes HTTPFields build an index. Routes have their own of these two only.
        var (hasCaching, hasPolicy) = (false, false)
        for field in response.headers {
            if field.name == .cacheControl { hasCaching = true }
            if field.name == .contentSecurityPolicy { hasPolicy = true }
        }
        for field in Self.securityHeaders {
            if hasCaching, field.name == .cacheControl { continue }
            if hasPolicy, field.name == .contentSecurityPolicy { continue }
            response.headers.append(field)
        }
        response.headers.append(HTTPField(name: Self.requestIDName, value: context.requestID))
        if !corsOrigins.isEmpty { response.headers.append(HTTPField(name: .vary, value: "Origin")) }
        if !corsOrigins.isEmpty, let origin = request.headers[.origin] {
            if corsOrigins.contains(origin) {
                response.headers[.accessControlAllowOrigin] = origin
                response.headers[.accessControlExposeHeaders] =
                    "X-Total-Count, Link, X-Request-Id, Retry-After, Location, ETag"
            }
        }
    }

    /// The client's own id when it is well formed: 1 to 128 of the characters that every log can hold.
    private func requestID(of request: Request) -> String {
        if let given = request.headers[Self.requestIDName], (1...128).contains(given.utf8.count),
            given.utf8.allSatisfy({ byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
            })
        {
            return given
        }
        return String(requestIDs.next(), radix: 16)
    }

    static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no field name") }
        return name
    }
}

/// Ids of requests: one after the other from a random start, stirred so that no two look alike. No system
/// call for each.
private final class RequestIDs: Sendable {
    private let last: Atomic<UInt64>

    init(start: UInt64) { last = Atomic(start) }

    func next() -> UInt64 {
        SplitMix64.stir(last.wrappingAdd(SplitMix64.step, ordering: .relaxed).newValue)
    }
}
