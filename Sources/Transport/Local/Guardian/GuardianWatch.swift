import FoundationEssentials
import Glibc
import Logging

/// A node's watch over the guardian: whoever gets `guardian.lock` knows that no guardian lives and starts one,
/// handing the lock over. There is no moment between in which another node could do the same, and a death
/// anywhere on the way frees the lock.
struct GuardianWatch {
    static let interval: Duration = .milliseconds(250)
    static let logLimitBytes = 4 << 20

    let folder: DataFolder
    let executable: String
    let arguments: [String]
    let logger: Logger
    private var guardian: (pid: pid_t, since: ContinuousClock.Instant)?
    private var backoff = RestartBackoff.guardian
    private var earliest = ContinuousClock.now
    private var statedFailure: String?

    init(folder: DataFolder, executable: String, arguments: [String], logger: Logger) {
        self.folder = folder
        self.executable = executable
        self.arguments = arguments
        self.logger = logger
    }

    /// Starts the watching thread. A thread of its own, because its calls block and because it must go on when
    /// the pool of Swift's tasks is busy: it is what brings a dead server back.
    func startThread(while isMember: @escaping @Sendable () -> Bool) throws(SystemCallError) {
        let body = Unmanaged.passRetained(WatchThread(watch: self, isMember: isMember))
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                Unmanaged<WatchThread>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            },
            body.toOpaque()
        )
        guard code == 0 else {
            body.release()
            throw SystemCallError("pthread_create", "guardian watch", code: code)
        }
        pthread_detach(thread)
    }

    /// One look: reaps a guardian of this process's own, and starts one when none lives.
    mutating func turn() {
        let now = ContinuousClock.now
        if let child = guardian, let exit = ChildExit.poll(child.pid) {
            guardian = nil
            let jitter = Double.random(in: 0...1)
            let delay = backoff.died(after: now - child.since, jitter: jitter)
            earliest = now + delay
            logger.warning("the guardian \(child.pid) of \(folder.path) ended with \(exit)")
        }
        guard now >= earliest else { return }
        do {
            try startGuardianIfNoneLives(at: now)
            statedFailure = nil
        } catch {
            earliest = now + backoff.died(after: .zero, jitter: Double.random(in: 0...1))
            if statedFailure != "\(error)" { logger.error("no guardian could be started: \(error)") }
            statedFailure = "\(error)"
        }
    }

    private mutating func startGuardianIfNoneLives(at now: ContinuousClock.Instant) throws {
        let lock = try folder.lock(at: folder.guardianLockPath)
        guard try lock.tryLock(.exclusive) else { return }
        let log = try BoundedLog(path: folder.guardianLogPath, limitBytes: Self.logLimitBytes)
        var spawn = Spawn(
            executable: executable,
            arguments: arguments + [folder.path, "\(lock.descriptor.number)"],
            environment: ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" },
            output: log.descriptor.number
        )
        spawn.inherited = [lock.descriptor.number]
        spawn.newSession = true
        let pid = try spawn.start()
        guardian = (pid, now)
        logger.info("guardian \(pid) of \(folder.path) started")
    }

    /// Reaps the guardian of this process when the membership is over.
    fileprivate func end() {
        if let guardian { _ = ChildExit.poll(guardian.pid, wait: true) }
    }
}

/// What the watching thread owns: handed over once at its start and touched by it alone.
private final class WatchThread {
    private var watch: GuardianWatch
    private let isMember: @Sendable () -> Bool

    init(watch: GuardianWatch, isMember: @escaping @Sendable () -> Bool) {
        self.watch = watch
        self.isMember = isMember
    }

    func run() {
        while isMember() {
            watch.turn()
            usleep(UInt32(GuardianWatch.interval / .microseconds(1)))
        }
        watch.end()
    }
}
