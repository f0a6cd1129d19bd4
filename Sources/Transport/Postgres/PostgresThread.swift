import Glibc
import Synchronization

/// The operating system refused a thread or a descriptor.
package struct PostgresThreadError: Error, Equatable {
    package let call: String
    package let code: Int32
}

/// A thread that blocks all signals, so that they reach the threads meant for them.
final class PostgresThread: Sendable {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let handle: Mutex<pthread_t?>

    /// - Parameter name: at most 15 bytes are shown.
    init(name: String, _ body: @escaping @Sendable () -> Void) throws(PostgresThreadError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                setName(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw PostgresThreadError(call: "pthread_create", code: code)
        }
        handle = Mutex(thread)
    }

    /// Waits, blocking, until the thread has ended. Once; later calls return at once.
    func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_join(thread, nil) }
    }

    /// Lets the thread end by itself, without anybody who waits for it.
    func detach() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_detach(thread) }
    }

    deinit { detach() }
}

/// pthread_setname_np is not visible to Swift; proc(5) offers the same.
private func setName(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = write(file, name, name.utf8.count)
    close(file)
}
