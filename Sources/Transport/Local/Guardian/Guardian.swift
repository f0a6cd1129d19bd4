import Glibc
import Logging

/// The process that runs the data folder's private PostgreSQL: it starts the server, restarts it when it dies
/// and stops it when no node is left. It belongs to the folder: any node's end does it no harm, and its own
/// end leads to another one (`EmbeddedPostgres`).
///
/// One guardian lives at a time, for it holds `guardian.lock`; one server, for it holds `server.lock`.
package enum Guardian {
    /// Number of the rules that nodes and guardians of one folder follow together.
    static let protocolNumber = 1

    /// Runs until no node is left or SIGTERM arrives; the server is gone when it returns.
    ///
    /// Call it from the main thread, before any other thread exists: the server is told of this thread's
    /// death (PR_SET_PDEATHSIG is bound to the thread), and signals are taken by this thread alone.
    /// - Parameter lockDescriptor: of `guardian.lock`, locked, as the node handed it over.
    /// - Returns: the exit code of the process.
    package static func run(
        folder: DataFolder,
        lockDescriptor: CInt,
        logger: Logger = Logger(label: "guardian")
    ) -> CInt {
        // What comes through exec has no O_CLOEXEC; what this process opened itself has it.
        closeInherited(except: lockDescriptor)
        guard fcntl(lockDescriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            logger.error("descriptor \(lockDescriptor) is not open: the guardian is started by a node only")
            return usageCode
        }
        _ = chdir("/")
        let lock = FileLock(adopting: lockDescriptor, path: folder.guardianLockPath)
        do {
            // A second hold of the same open file succeeds; a descriptor that is not the lock's does not.
            guard try lock.tryLock(.exclusive) else {
                logger.error("guardian.lock is held by another process")
                return usageCode
            }
            let line = Array("\(protocolNumber) \(getpid())\n".utf8)
            _ = ftruncate(lock.descriptor.number, 0)
            _ = line.withUnsafeBytes { pwrite(lock.descriptor.number, $0.baseAddress, $0.count, 0) }
            let loop = try GuardianLoop(folder: folder, logger: logger)
            loop.run()
            return 0
        } catch {
            logger.error("the guardian cannot work: \(error)")
            return unavailableCode
        }
    }

    /// EX_USAGE and EX_UNAVAILABLE of sysexits(3).
    private static let usageCode: CInt = 64
    private static let unavailableCode: CInt = 69

    private static func closeInherited(except kept: CInt) {
        guard let directory = opendir("/proc/self/fd") else { return }
        defer { closedir(directory) }
        var inherited: [CInt] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let number = CInt(name), number > 2, number != kept else { continue }
            let flags = fcntl(number, F_GETFD)
            if flags >= 0, flags & FD_CLOEXEC == 0 { inherited.append(number) }
        }
        inherited.forEach { close($0) }
    }
}

/// The guardian's signals, taken in the loop's pauses instead of by handlers.
struct GuardianSignals {
    private(set) var stopAsked = false
    private var set = sigset_t()

    init() {
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGCHLD] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits until a signal arrives, which includes a child's end, or the pause is over.
    mutating func pause(milliseconds: Int) {
        var timeout = timespec(tv_sec: 0, tv_nsec: milliseconds * 1_000_000)
        let signal = sigtimedwait(&set, nil, &timeout)
        if signal == SIGTERM || signal == SIGINT { stopAsked = true }
    }
}
