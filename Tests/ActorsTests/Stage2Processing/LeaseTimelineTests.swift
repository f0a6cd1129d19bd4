import Actors
import Testing

/// Times below are seconds after the receive; the visibility is 120 s, so the lease has 100 s and work stops at 95 s.
struct LeaseTimelineTests {
    private static func at(_ seconds: Double) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: 1_000_000_000).advanced(by: .nanoseconds(Int64(seconds * 1e9)))
    }
    private var lease = LeaseTimeline(visibility: .seconds(120), receivedAt: at(0))

    @Test(
        "a lease waits, renews from a third of the visibility on, and is over before the database ends it",
        arguments: [
            (0, LeaseTimeline.Action.wait(until: at(40))), (39.999, .wait(until: at(40))), (40, .renew),
            (94.999, .renew), (95, .expired), (1000, .expired),
        ])
    func actions(_ seconds: Double, _ action: LeaseTimeline.Action) {
        #expect(lease.action(at: Self.at(seconds)) == action)
    }

    @Test(
        "work stops before the lease ends, and the lease before the message shows again", arguments: [1, 7, 120, 3600])
    func order(_ seconds: Int) {
        let lease = LeaseTimeline(visibility: .seconds(seconds), receivedAt: Self.at(0))
        #expect(lease.stopAt < lease.leaseEnd)
        #expect(lease.leaseEnd < Self.at(Double(seconds)))
        #expect(lease.leaseEnd == Self.at(0).advanced(by: .seconds(seconds) * 5 / 6))
    }

    @Test("a renewal counts from before its request was sent")
    mutating func renewal() {
        lease.renewed(at: Self.at(40))
        #expect(lease.leaseEnd == Self.at(140))
        #expect(lease.stopAt == Self.at(135))
        #expect(lease.action(at: Self.at(79.999)) == .wait(until: Self.at(80)))
        #expect(lease.action(at: Self.at(80)) == .renew)
    }

    @Test("a renewal without an answer is asked for again soon, and ends with the lease")
    mutating func retry() {
        lease.renewalFailed(at: Self.at(41))
        #expect(lease.action(at: Self.at(41)) == .wait(until: Self.at(43)))
        #expect(lease.action(at: Self.at(43)) == .renew)
        lease.renewalFailed(at: Self.at(94.5))
        #expect(lease.action(at: Self.at(94.5)) == .wait(until: Self.at(95)))
        #expect(lease.action(at: Self.at(95)) == .expired)
        lease.renewed(at: Self.at(94))
        #expect(lease.action(at: Self.at(95)) == .wait(until: Self.at(134)))
    }

    @Test("a short lease asks again after a sixtieth of it")
    func shortRetry() {
        var lease = LeaseTimeline(visibility: .seconds(6), receivedAt: Self.at(0))
        lease.renewalFailed(at: Self.at(2))
        #expect(lease.action(at: Self.at(2)) == .wait(until: Self.at(2.1)))
    }

    @Test("the older of two answers changes nothing when it comes last")
    mutating func olderAnswer() {
        lease.renewed(at: Self.at(50))
        lease.renewed(at: Self.at(40))
        #expect(lease.leaseEnd == Self.at(150))
    }

    @Test("what is asked of the database ends with the node's own view of the lease, and is never negative")
    func remaining() {
        #expect(lease.remainingLease(at: Self.at(30)) == .seconds(70))
        #expect(lease.remainingLease(at: Self.at(101)) == .zero)
        #expect(lease.renewedLease(from: Self.at(40), at: Self.at(43)) == .seconds(97))
        #expect(lease.renewedLease(from: Self.at(0), at: Self.at(500)) == .zero)
    }

    @Test("a claim made a sixth of the visibility after the receive needs the message extended first")
    mutating func claim() {
        #expect(!lease.mustExtendBeforeClaim(at: Self.at(19.999)))
        #expect(lease.mustExtendBeforeClaim(at: Self.at(20)))
        lease.extendedBeforeClaim(at: Self.at(20))
        #expect(!lease.mustExtendBeforeClaim(at: Self.at(39.999)))
        #expect(lease.leaseEnd == Self.at(120))
        #expect(lease.action(at: Self.at(59.999)) == .wait(until: Self.at(60)))
    }
}
