import CLibPQ
import Glibc

/// An epoll set, level-triggered: `PQconsumeInput` does not promise to drain the socket, so an edge could be lost.
///
/// Registrations carry an identifier that is never used twice, not the descriptor: libpq closes sockets by itself, and
/// the number may be another connection's a moment later.
struct PostgresPoller: Sendable {
    private static let eventsAtOnce = 64

    private let descriptor: Int32

    /// Until `close`.
    init() throws(PostgresThreadError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw PostgresThreadError(call: "epoll_create1", code: errno) }
    }

    func close() {
        Glibc.close(descriptor)
    }

    /// Watches a descriptor, whether or not it is watched already. A failure shows as a connection that times out.
    func watch(_ socket: Int32, id: UInt64, reads: Bool = true, writes: Bool = false) {
        var event = epoll_event()
        event.events = (reads ? EPOLLIN.rawValue : 0) | (writes ? EPOLLOUT.rawValue : 0)
        event.data.u64 = id
        if epoll_ctl(descriptor, EPOLL_CTL_MOD, socket, &event) != 0 && errno == ENOENT {
            _ = epoll_ctl(descriptor, EPOLL_CTL_ADD, socket, &event)
        }
    }

    func forget(_ socket: Int32) {
        _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, socket, nil)
    }

    /// The identifiers of what is ready, after at most `timeout`; nil waits without an end.
    func wait(_ timeout: Duration?, into ready: inout [UInt64]) {
        ready.removeAll(keepingCapacity: true)
        let milliseconds = timeout?.millisecondsRoundedUp ?? -1
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.eventsAtOnce) { events in
            let count = epoll_wait(descriptor, events.baseAddress, Int32(events.count), milliseconds)
            for place in 0..<max(0, Int(count)) { ready.append(events[place].data.u64) }
        }
    }
}

extension Duration {
    /// Rounded up so that a timer is due when the wait ends; 0 for what has passed.
    fileprivate var millisecondsRoundedUp: Int32 {
        guard self > .zero else { return 0 }
        let (seconds, attoseconds) = components
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        return Int32(seconds * 1000) + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
