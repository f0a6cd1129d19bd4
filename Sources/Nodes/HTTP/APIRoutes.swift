import Actors
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import Transport

/// What the routes need of their node.
package struct APIServices: Sendable {
    package var node: APINode
    package var users: any UserRepository
    package var callers: Callers
    package var tokens: TokenAuthority
    package var status: NodeStatus
    /// Empty: taken from each request.
    package var publicURL: String
    package var maximumBodyBytes: Int
    package var corsOrigins: [String]
    package var metrics: MetricMailbox
    package var clock: any NodeClock
    package var random: any RandomSource
    package var logger: Logger
    /// Serves the local store's URLs; nil on S3.
    package var media: MediaRoute?

    /// Scheme and authority for absolute URLs.
    func origin(of request: Request) -> String {
        if !publicURL.isEmpty { return publicURL }
        return "http://\(request.head.authority ?? "localhost")"
    }

    func videoJSON(_ request: Request) -> VideoJSON {
        VideoJSON(gateway: node.gateway, origin: origin(of: request))
    }
}

/// All routes of the contract, each path with every method: what is not there answers 405 with `Allow`.
package enum APIRoutes {
    package typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    /// What clients send; the router answers anything else on a known path with 404.
    private static let knownMethods: [HTTPRequest.Method] =
        [.get, .head, .post, .put, .patch, .delete, .options, .trace, .connect]
        + ["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH", "QUERY"].compactMap {
            HTTPRequest.Method($0)
        }

    /// - Parameter benchmark: what benchmarks want beside the contract.
    package static func router(_ services: APIServices, benchmark: BenchmarkRoutes? = nil) -> Router<APIContext> {
        let router = Router(context: APIContext.self)
        benchmark?.add(to: router)
        router.addMiddleware {
            EdgeMiddleware(
                metrics: services.metrics, clock: services.clock, random: services.random,
                corsOrigins: Set(services.corsOrigins), logger: services.logger)
        }
        let accounts = AccountRoutes(services: services)
        let videos = VideoRoutes(services: services)
        let showcase = ShowcaseRoutes(services: services)
        let status = StatusRoutes(services: services)
        add(router, "/api/auth/signup", [.post: accounts.signUp])
        add(router, "/api/auth/login", [.post: accounts.logIn])
        add(router, "/api/auth", [.delete: accounts.erase])
        add(router, "/api/auth/me", [.get: accounts.me])
        add(router, "/api/videos", [.get: videos.list])
        add(router, "/api/videos/upload", [.post: videos.upload])
        add(router, "/api/videos/original/{id}", [.get: videos.original])
        add(router, "/api/videos/processed/{id}", [.get: videos.processed])
        add(router, "/api/videos/{id}", [.get: videos.detail, .delete: videos.delete])
        add(router, "/api/public/videos", [.get: showcase.videos])
        add(router, "/api/public/videos/{id}/vote", [.post: showcase.vote])
        add(router, "/api/public/videos/{id}/vote-status", [.get: showcase.voteStatus])
        add(router, "/api/public/rankings", [.get: showcase.rankings])
        add(router, "/api/health", [.get: status.health])
        add(router, "/api/ready", [.get: status.ready])
        if let media = services.media { add(router, "/media/{prefix}/{name}", [.get: media.serve]) }
        return router
    }

    private static func add(
        _ router: Router<APIContext>, _ path: RouterPath, _ handlers: [HTTPRequest.Method: Handler]
    ) {
        var allowed = Set(handlers.keys)
        if allowed.contains(.get) { allowed.insert(.head) }
        allowed.insert(.options)
        let allow = knownMethods.filter(allowed.contains).map(\.rawValue).joined(separator: ", ")
        for method in knownMethods {
            if let handler = handlers[method] {
                router.on(path, method: method, use: handler)
            } else if method == .head, let handler = handlers[.get] {
                router.on(path, method: .head) { request, context in
                    try await handler(request, context).createHeadResponse()
                }
            } else if method == .options {
                router.on(path, method: .options) { request, _ in preflight(request, allow: allow) }
            } else {
                router.on(path, method: method) { _, _ -> Response in throw APIError.methodNotAllowed(allow: allow) }
            }
        }
    }

    /// The Fetch standard, "CORS protocol"; the origin itself is judged by EdgeMiddleware.
    private static func preflight(_ request: Request, allow: String) -> Response {
        var headers: HTTPFields = [.allow: allow]
        if request.headers[.accessControlRequestMethod] != nil {
            headers[.accessControlAllowMethods] = allow
            headers[.accessControlAllowHeaders] = "Authorization, Content-Type, Idempotency-Key, X-Request-Id"
            headers[.accessControlMaxAge] = "600"
        }
        return Response(status: .noContent, headers: headers)
    }
}
