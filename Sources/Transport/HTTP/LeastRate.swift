/// Judges whether a body moves fast enough. Sans I/O: the loop gives it the time and the count of bytes.
package struct LeastRate: Equatable {
    package enum Verdict: Equatable {
        case fine(nextCheck: ContinuousClock.Instant)
        case tooSlow
    }

    private let window: Duration
    private let bytesPerWindow: Int64
    private var windowEnd: ContinuousClock.Instant
    private var bytesAtStart: Int64 = 0

    /// nil when there is no least rate.
    package init?(minimumBytesPerSecond: Int, window: Duration, now: ContinuousClock.Instant) {
        guard minimumBytesPerSecond > 0, window > .zero else { return nil }
        self.window = window
        let milliseconds = window.components.seconds * 1000 + window.components.attoseconds / 1_000_000_000_000_000
        bytesPerWindow = Int64(minimumBytesPerSecond) * milliseconds / 1000
        windowEnd = now + window
    }

    package var nextCheck: ContinuousClock.Instant { windowEnd }

    /// - Parameters:
    ///   - movedBytes: moved since the transfer began, both ways.
    ///   - isExcused: the network was not asked to move anything for a part of the window.
    package mutating func check(now: ContinuousClock.Instant, movedBytes: Int64, isExcused: Bool) -> Verdict {
        guard now >= windowEnd else { return .fine(nextCheck: windowEnd) }
        if !isExcused, movedBytes - bytesAtStart < bytesPerWindow { return .tooSlow }
        bytesAtStart = movedBytes
        windowEnd = now + window
        return .fine(nextCheck: windowEnd)
    }
}
