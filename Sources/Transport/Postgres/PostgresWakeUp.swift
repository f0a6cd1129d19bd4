import CLibPQ
import Glibc

/// An eventfd(2), closed with its last reference: nobody can signal a number that is another's by then.
final class PostgresWakeUp: Sendable {
    let descriptor: Int32

    /// - Parameter isQueue: each signal ends one wait, and waiting blocks; otherwise all signals end one wait.
    init(isQueue: Bool = false) throws(PostgresThreadError) {
        let mode = isQueue ? EFD_SEMAPHORE : EFD_NONBLOCK
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(mode))
        guard descriptor >= 0 else { throw PostgresThreadError(call: "eventfd", code: errno) }
    }

    deinit { close(descriptor) }

    func signal() {
        _ = eventfd_write(descriptor, 1)
    }

    func wait() {
        var count: eventfd_t = 0
        while eventfd_read(descriptor, &count) != 0 && errno == EINTR {}
    }
}
