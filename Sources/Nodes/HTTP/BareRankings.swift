import Actors
import HTTPTypes
import Hummingbird
import Synchronization

/// The least that Hummingbird can do for the ranking's bytes: one ready response, no middleware, no actor.
final class BareRankings: Sendable {
    private let services: APIServices
    private let ready = Mutex<Response?>(nil)

    init(services: APIServices) {
        self.services = services
    }

    func add(to router: Router<APIContext>) {
        router.get("/benchmark/rankings") { _, _ in
            if let response = self.ready.withLock({ $0 }) { return response }
            let page = await self.services.node.rankings.page(RankingQuery(city: nil, skip: 0, limit: 100))
            var headers = EdgeMiddleware.securityHeaders
            headers[EdgeMiddleware.requestIDName] = "0123456789abcdef"
            headers[EdgeMiddleware.name("X-Total-Count")] = String(page.total)
            let response = Response.json(.ok, bytes: page.json, headers: headers)
            self.ready.withLock { $0 = response }
            return response
        }
    }
}
