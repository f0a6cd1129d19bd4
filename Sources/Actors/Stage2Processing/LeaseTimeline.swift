/// When a delivery's lease must be renewed and when it is over: decisions only, fed with monotonic times.
///
/// The message stays invisible for `visibility` from each receive or extension; the database's lease runs for 5/6 of
/// that from *before* the same request, so that it always ends first (delivery.md, C).
package struct LeaseTimeline: Sendable, Equatable {
    package enum Action: Sendable, Equatable {
        /// Extend the message, then the database's lease.
        case renew
        /// Nothing to do before this time.
        case wait(until: MonotonicInstant)
        /// The database has been silent to the lease's end: stop the work.
        case expired
    }

    package let visibility: Duration
    private var renewedAt: MonotonicInstant
    private var leaseStart: MonotonicInstant
    private var retryAt: MonotonicInstant?

    /// - Parameter receivedAt: a time before the receive request was sent.
    package init(visibility: Duration, receivedAt: MonotonicInstant) {
        self.visibility = visibility
        self.renewedAt = receivedAt
        self.leaseStart = receivedAt
    }

    /// The end of the database's lease by the node's own clock: never later than by the database's.
    package var leaseEnd: MonotonicInstant { leaseStart.advanced(by: visibility * 5 / 6) }

    /// Work must be dead by then; the margin is for stopping it.
    package var stopAt: MonotonicInstant { leaseEnd.advanced(by: .zero - visibility / 24) }

    /// What to ask of the database at `now`, so that its lease ends at `leaseEnd` at the earliest.
    package func remainingLease(at now: MonotonicInstant) -> Duration { max(.zero, now.duration(to: leaseEnd)) }

    /// What to ask of the database for a renewal whose extension of the message began at `start`.
    package func renewedLease(from start: MonotonicInstant, at now: MonotonicInstant) -> Duration {
        max(.zero, now.duration(to: start.advanced(by: visibility * 5 / 6)))
    }

    /// Whether a claim made at `now` needs the message extended first: a sixth of the lease has passed.
    package func mustExtendBeforeClaim(at now: MonotonicInstant) -> Bool {
        leaseStart.duration(to: now) >= visibility / 6
    }

    package func action(at now: MonotonicInstant) -> Action {
        if now >= stopAt { return .expired }
        let due = retryAt ?? renewedAt.advanced(by: visibility / 3)
        return now >= due ? .renew : .wait(until: min(due, stopAt))
    }

    /// The message was extended, or received, by a request that began at `start`, before any claim.
    package mutating func extendedBeforeClaim(at start: MonotonicInstant) {
        renewedAt = start
        leaseStart = start
    }

    /// The database confirmed the lease that was asked for at `start`.
    package mutating func renewed(at start: MonotonicInstant) {
        // Two renewals may be under way: the older answer may come last.
        guard start >= leaseStart else { return }
        renewedAt = start
        leaseStart = start
        retryAt = nil
    }

    /// The database did not answer: ask again soon, until `stopAt`.
    package mutating func renewalFailed(at now: MonotonicInstant) {
        retryAt = now.advanced(by: min(.seconds(2), visibility / 60))
    }
}
