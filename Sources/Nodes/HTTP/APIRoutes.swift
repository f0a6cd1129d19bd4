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
    package var maximumJSONDepth: Int
    package var corsOrigins: [String]
    package var proxies: TrustedProxies
    package var metrics: MetricMailbox
    package var clock: any NodeClock
    package var random: any RandomSource
    package var logger: Logger
    /// Serves the local store's URLs; nil on S3.
    package var media: MediaRoute?

    /// Scheme and authority for absolute URLs.
    func origin(of request: Request, _ context: APIContext) -> String {
        if !publicURL.isEmpty { return publicURL }
        return "\(scheme(of: request, context))://\(request.head.authority ?? "localhost")"
    }

    /// The client's network: forwarding headers count when a trusted proxy sent them.
    func client(of request: Request, _ context: APIContext) -> String {
        guard let peer = context.peer else { return "" }
        return proxies.client(peer: peer, forwarded: request.headers[values: Self.forwardedFor]).network
    }

    private func scheme(of request: Request, _ context: APIContext) -> String {
        guard let given = request.headers[Self.forwardedProto], ["http", "https"].contains(given),
            let peer = context.peer, proxies.trusts(peer)
        else { return "http" }
        return given
    }

    private static let forwardedFor = EdgeMiddleware.name("X-Forwarded-For")
    private static let forwardedProto = EdgeMiddleware.name("X-Forwarded-Proto")

    func videoJSON(_ request: Request, _ context: APIContext) -> VideoJSON {
        // S3's URLs lead there, whatever the client calls us.
        VideoJSON(gateway: node.gateway, origin: media == nil ? "" : origin(of: request, context))
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
        var document = OpenAPIDocument()
        func add(_ path: String, _ endpoints: [HTTPRequest.Method: Endpoint]) {
            for (method, endpoint) in endpoints { document.add(path, method, endpoint.operation) }
            Self.add(router, RouterPath(path), endpoints.mapValues(\.handler))
        }
        add("/api/auth/signup", [.post: Endpoint(accounts.signUp, AccountRoutes.signUpOperation)])
        add("/api/auth/login", [.post: Endpoint(accounts.logIn, AccountRoutes.logInOperation)])
        add("/api/auth", [.delete: Endpoint(accounts.erase, AccountRoutes.eraseOperation)])
        add("/api/auth/me", [.get: Endpoint(accounts.me, AccountRoutes.meOperation)])
        add("/api/videos", [.get: Endpoint(videos.list, VideoRoutes.listOperation)])
        add("/api/videos/upload", [.post: Endpoint(videos.upload, VideoRoutes.uploadOperation)])
        add("/api/videos/original/{id}", [.get: Endpoint(videos.original, VideoRoutes.originalOperation)])
        add("/api/videos/processed/{id}", [.get: Endpoint(videos.processed, VideoRoutes.processedOperation)])
        add(
            "/api/videos/{id}",
            [
                .get: Endpoint(videos.detail, VideoRoutes.detailOperation),
                .delete: Endpoint(videos.delete, VideoRoutes.deleteOperation),
            ])
        add("/api/public/videos", [.get: Endpoint(showcase.videos, ShowcaseRoutes.videosOperation)])
        add("/api/public/videos/{id}/vote", [.post: Endpoint(showcase.vote, ShowcaseRoutes.voteOperation)])
        add(
            "/api/public/videos/{id}/vote-status",
            [.get: Endpoint(showcase.voteStatus, ShowcaseRoutes.voteStatusOperation)])
        add("/api/public/rankings", [.get: Endpoint(showcase.rankings, ShowcaseRoutes.rankingsOperation)])
        add("/api/health", [.get: Endpoint(status.health, StatusRoutes.healthOperation)])
        add("/api/ready", [.get: Endpoint(status.ready, StatusRoutes.readyOperation)])
        document.add("/openapi.json", .get, DocumentRoutes.openAPIOperation)
        document.add("/docs", .get, DocumentRoutes.docsOperation)
        let documents = DocumentRoutes(document: document.bytes)
        Self.add(router, "/openapi.json", [.get: documents.openAPI])
        Self.add(router, "/docs", [.get: documents.docs])
        // Signed addresses of the local store are no part of the contract: the API hands them out.
        if let media = services.media { Self.add(router, "/media/{prefix}/{name}", [.get: media.serve]) }
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
