/// How long to wait before a process that died is started again. A long life wipes the past out.
package struct RestartBackoff: Equatable, Sendable {
    /// The delay after the first death that is not free.
    let first: Duration
    /// The longest delay.
    let limit: Duration
    /// Short lives in a row that are followed by a start at once.
    let freeDeaths: Int
    /// A life at least this long counts as a healthy one.
    let healthyLife: Duration
    private var shortLives = 0

    init(first: Duration, limit: Duration, freeDeaths: Int, healthyLife: Duration) {
        self.first = first
        self.limit = limit
        self.freeDeaths = freeDeaths
        self.healthyLife = healthyLife
    }

    /// The server under its guardian: the first death costs nothing, a storm one start in 5 s.
    package static let server = RestartBackoff(
        first: .milliseconds(400),
        limit: .seconds(5),
        freeDeaths: 1,
        healthyLife: .seconds(10)
    )

    /// The guardian under the nodes' watch.
    package static let guardian = RestartBackoff(
        first: .milliseconds(200),
        limit: .seconds(5),
        freeDeaths: 0,
        healthyLife: .seconds(5)
    )

    /// - Parameter jitter: 0 to 1, which takes up to half of the delay away, so that nodes do not act in step.
    package mutating func died(after life: Duration, jitter: Double = 0) -> Duration {
        if life >= healthyLife {
            shortLives = 0
            return .zero
        }
        shortLives += 1
        guard shortLives > freeDeaths else { return .zero }
        let doublings = min(shortLives - freeDeaths - 1, 16)
        let delay = min(first * (1 << doublings), limit)
        return delay * (1 - jitter / 2)
    }
}
