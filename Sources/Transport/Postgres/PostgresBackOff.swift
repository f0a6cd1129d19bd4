/// When to try again after failures in a row: from 0.05 s doubling to 2 s, each shortened at random by up to half.
package struct PostgresBackOff {
    static let first: Duration = .milliseconds(50)
    static let last: Duration = .seconds(2)

    private var delay = Self.first
    /// nil after a success.
    package private(set) var retryAt: ContinuousClock.Instant?
    private(set) var lastFailure: String?

    package mutating func succeeded() {
        self = PostgresBackOff()
    }

    /// Returns when to try again. `jitter` is random, from 0 to 1.
    package mutating func failed(_ reason: String, jitter: Double, now: ContinuousClock.Instant)
        -> ContinuousClock.Instant
    {
        let retryAt = now.advanced(by: delay * (1 - jitter / 2))
        delay = min(delay * 2, Self.last)
        self.retryAt = retryAt
        lastFailure = reason
        return retryAt
    }
}
