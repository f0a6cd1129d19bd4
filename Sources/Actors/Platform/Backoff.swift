/// Exponential back-off with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter").
package struct Backoff: Sendable {
    private let base: Duration
    private let maximum: Duration
    private let random: any RandomSource
    private var attempt = 0

    /// - Parameters:
    ///   - base: the first wait's upper bound; it doubles with each further attempt.
    ///   - maximum: the upper bound that is never passed.
    package init(base: Duration, maximum: Duration, random: any RandomSource) {
        self.base = base
        self.maximum = maximum
        self.random = random
    }

    /// The next wait: uniform between a tenth of the bound and the bound, so that it is never a busy loop.
    package mutating func next() -> Duration {
        let bound = min(maximum, base * (1 << min(attempt, 20)))
        attempt += 1
        return bound / 10 + bound * 0.9 * random.unit()
    }

    package mutating func reset() { attempt = 0 }
}
