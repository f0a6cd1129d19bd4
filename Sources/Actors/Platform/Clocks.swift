import FoundationEssentials

/// A point on a clock that never goes back, in nanoseconds since an origin of its own.
package struct MonotonicInstant: InstantProtocol, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package func advanced(by duration: Duration) -> Self {
        Self(nanoseconds: nanoseconds &+ duration.nanoseconds)
    }
    package func duration(to other: Self) -> Duration { .nanoseconds(other.nanoseconds &- nanoseconds) }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// The only source of elapsed time and of waiting in `Actors`: real on a node, virtual in the simulation.
package protocol NodeClock: Clock where Instant == MonotonicInstant, Duration == Swift.Duration {}

/// The only source of the date in `Actors`. Leases never rest on it.
package protocol WallClock: Sendable {
    var now: Date { get }
}

extension NodeClock {
    /// Waits for `duration`.
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    package func wait(_ duration: Duration) async throws {
        try await sleep(until: now.advanced(by: duration), tolerance: nil)
    }
}

extension Duration {
    /// Whole nanoseconds; saturates at about 292 years.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }
    package var milliseconds: Double { Double(nanoseconds) / 1e6 }
    /// Seconds with their fraction.
    package var inSeconds: Double { Double(nanoseconds) / 1e9 }
}
