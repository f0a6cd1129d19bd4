import Actors
import HTTPTypes
import Hummingbird
import Synchronization

/// What Benchmarks compare with, registered before any middleware; served by `anb benchmark role=…` only.
package final class BenchmarkRoutes: Sendable {
    private let services: APIServices
    private let holdConnection: @Sendable () async throws -> Void
    private let ready = Mutex<[String: Response]>([:])

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
        // The least that Hummingbird can do for a list's bytes: one ready response, no actor.
        let showcase = ShowcaseRoutes(services: services)
        for (path, handler) in [("rankings", showcase.rankings), ("videos", showcase.videos)] {
            router.get(RouterPath("/benchmark/\(path)")) { request, context in
                let name = request.uri.string
                if let response = self.ready.withLock({ $0[name] }) { return response }
                var response = try await handler(request, context)
                for field in EdgeMiddleware.securityHeaders where response.headers[field.name] == nil {
                    response.headers.append(field)
                }
                response.headers[EdgeMiddleware.requestIDName] = "0123456789abcdef"
                let made = response
                self.ready.withLock { $0[name] = made }
                return made
            }
        }
    }
}
