import HTTPTypes
import Hummingbird

/// Row 12 of the contract. No I/O on the request path.
struct StatusRoutes: Sendable {
    let services: APIServices
    private static let later: HTTPFields = [.retryAfter: "2"]

    /// 200 while the node lives, whatever it has lost: a lost database must not make a load balancer replace the whole
    /// fleet. 503 while it drains.
    @Sendable func health(_ request: Request, _ context: APIContext) async throws -> Response {
        let status = services.status
        return .json(
            status.isDraining ? .serviceUnavailable : .ok,
            .object([
                "status": .text(status.isDraining ? "draining" : "healthy"),
                "service": .text("backend"),
                "database": .text(status.reach.database ? "ok" : "unreachable"),
            ]), headers: status.isDraining ? Self.later : [:])
    }

    @Sendable func ready(_ request: Request, _ context: APIContext) async throws -> Response {
        let status = services.status
        let reach = status.reach
        let hasRanking = await services.node.rankings.isReady
        let isReady = !status.isDraining && reach.database && reach.store && reach.queue && hasRanking
        func word(_ reachable: Bool) -> JSONValue { .text(reachable ? "ok" : "unreachable") }
        return .json(
            isReady ? .ok : .serviceUnavailable,
            .object([
                "status": .text(isReady ? "ready" : "not ready"), "service": .text("backend"),
                "database": word(reach.database), "storage": word(reach.store), "queue": word(reach.queue),
                "ranking": .text(hasRanking ? "ok" : "loading"),
            ]), headers: isReady ? [:] : Self.later)
    }
}
