import Glibc

/// A file descriptor that is closed when its owner goes away. Every one is opened O_CLOEXEC: a child gets
/// it only by an explicit `Spawn.inherited`.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// O_PATH of Linux on all architectures that Swift supports; the C library hides it behind _GNU_SOURCE.
    static let pathOnly: CInt = 0o10000000

    package let number: CInt

    package init(adopting number: CInt) {
        self.number = number
    }

    /// Opens `path` with O_CLOEXEC added.
    package init(opening path: String, _ flags: CInt, mode: mode_t = 0o600) throws(SystemCallError) {
        let opened = Glibc.open(path, flags | O_CLOEXEC, mode)
        guard opened >= 0 else { throw SystemCallError("open", path) }
        guard opened < 3 else {
            number = opened
            return
        }
        // A process started with closed standard streams must not get a lock as its stdin or stdout: a
        // child's redirections would overwrite it.
        let moved = fcntl(opened, F_DUPFD_CLOEXEC, CInt(3))
        let code = errno
        Glibc.close(opened)
        guard moved >= 0 else { throw SystemCallError("fcntl", path, code: code) }
        number = moved
    }

    deinit {
        Glibc.close(number)
    }

    /// Gives the ownership up: the descriptor stays open.
    consuming func release() -> CInt {
        let number = number
        discard self
        return number
    }

    /// The path under which this process, and a child that inherits the same number, reaches what is open
    /// here, whatever the true path's length and its parents' permissions (proc(5)).
    package var path: String { "/proc/self/fd/\(number)" }

    /// Nil when there is no such file.
    static func ifPresent(_ path: String, _ flags: CInt) throws(SystemCallError) -> OwnedDescriptor? {
        do {
            return try OwnedDescriptor(opening: path, flags)
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }

    /// The flags of a descriptor that names a directory and gives no access to it.
    static let directoryName: CInt = pathOnly | O_DIRECTORY | O_NOFOLLOW
}
