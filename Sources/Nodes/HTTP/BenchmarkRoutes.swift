import Actors
import HTTPTypes
import Hummingbird
import Synchronization

/// What Benchmarks compare with, registered before any middleware; served by `anb benchmark role=…` only.
package final class BenchmarkRoutes: Sendable {
    private let services: APIServices
    private let holdConnection: @Sendable () async throws -> Void
    private let ready = Mutex<Response?>(nil)

    /// - Parameter holdConnection: keeps one connection of the pool busy for five seconds.
    package init(services: APIServices, holdConnection: @escaping @Sendable () async throws -> Void) {
        self.services = services
        self.holdConnection = holdConnection
    }

    func add(to router: Router<APIContext>) {
        router.get("/benchmark/connection") { _, _ -> HTTPResponse.Status in
            try await self.holdConnection()
            return .noContent
        }
        // The least that Hummingbird can do for the ranking's bytes: one ready response, no actor.
        router.get("/benchmark/rankings") { _, _ in
            if let response = self.ready.withLock({ $0 }) { return response }
            let page = await self.services.node.rankings.page(RankingQuery(city: nil, skip: 0, limit: 100))
            var headers = EdgeMiddleware.securityHeaders
            headers[.cacheControl] = "no-cache"
            headers[.vary] = "Accept-Encoding"
            headers[.eTag] = "\"\(page.body.tag)\""
            headers[EdgeMiddleware.requestIDName] = "0123456789abcdef"
            headers[EdgeMiddleware.name("X-Total-Count")] = String(page.total)
            let response = Response.json(.ok, bytes: page.body.bytes, headers: headers)
            self.ready.withLock { $0 = response }
            return response
        }
    }
}
