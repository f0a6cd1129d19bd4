import Glibc

/// An flock(2) on a file that is made when missing and never deleted (a deleted lock file would give a
/// second lock). Held until the last copy of its descriptor is closed, in this process and in every child
/// that inherited it.
package struct FileLock: ~Copyable, Sendable {
    package enum Kind: Sendable {
        case shared
        case exclusive
    }

    package let descriptor: OwnedDescriptor
    private let path: String

    /// Opens the file without locking it.
    package init(path: String) throws(SystemCallError) {
        descriptor = try OwnedDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW)
        self.path = path
    }

    /// Takes over a descriptor that came with the lock already held.
    init(adopting number: CInt, path: String) {
        descriptor = OwnedDescriptor(adopting: number)
        self.path = path
    }

    /// Never waits. A lock is never converted through one descriptor: a refused conversion from shared to
    /// exclusive would lose the shared one (flock(2)).
    package func tryLock(_ kind: Kind) throws(SystemCallError) -> Bool {
        let operation = (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB
        while flock(descriptor.number, operation) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            default: throw SystemCallError("flock", path)
            }
        }
        return true
    }
}
