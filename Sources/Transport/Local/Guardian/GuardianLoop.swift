import Glibc
import Logging

/// The guardian's only thread. It owns the server's process and never waits for a lock.
final class GuardianLoop {
    enum Phase {
        /// No server; the next attempt is due at `attempt`.
        case down(attempt: ContinuousClock.Instant)
        case creating(ClusterCreation)
        case up(pid: pid_t, since: ContinuousClock.Instant)
    }

    static let pauseWhileDown = 50
    static let pauseWhileUp = 200
    /// Before a condition that an operator must change is looked at again. Shorter than a node's patience with
    /// a stated refusal, or a node that arrives after the cure would be told of the illness.
    static let refusalPause: Duration = EmbeddedPostgres.refusalPatience / 2
    static let logLimitBytes = 32 << 20

    let folder: DataFolder
    let logger: Logger
    let clock = ContinuousClock()
    var phase: Phase
    var backoff = RestartBackoff.server
    var formerServer: (since: ContinuousClock.Instant, removal: FormerServerRemoval)?
    var statedRefusal: String?
    var signals = GuardianSignals()
    /// The postmaster that was told to turn a smart stop into a fast one.
    private var hurried: pid_t?
    private let nodesLock: FileLock
    let log: BoundedLog

    init(folder: DataFolder, logger: Logger) throws {
        self.folder = folder
        self.logger = logger
        phase = .down(attempt: clock.now)
        nodesLock = try folder.lock(at: folder.nodesLockPath)
        log = try BoundedLog(path: folder.postgresLogPath, limitBytes: Self.logLimitBytes)
        unlink(folder.refusalPath)
    }

    /// Returns when the server and all its processes are gone.
    func run() {
        logger.info("guardian \(getpid()) of \(folder.path) begins")
        while true {
            // Held from here to the exit: a node that arrives waits for the server's end, then starts afresh.
            if noNodeIsLeft() {
                stop(because: "no node is left")
                return
            }
            if signals.stopAsked {
                stop(because: "asked to stop")
                return
            }
            turn()
            if case .up = phase {
                signals.pause(milliseconds: Self.pauseWhileUp)
            } else {
                signals.pause(milliseconds: Self.pauseWhileDown)
            }
        }
    }

    private func noNodeIsLeft() -> Bool {
        do {
            return try nodesLock.tryLock(.exclusive)
        } catch {
            logger.error("\(error)")
            return false
        }
    }

    private func turn() {
        switch phase {
        case .down(let attempt):
            if clock.now >= attempt { start() }
        case .creating(let creation):
            create(creation)
        case .up(let pid, let since):
            watch(pid, since: since)
        }
    }

    private func watch(_ pid: pid_t, since: ContinuousClock.Instant) {
        log.trim()
        if let exit = ChildExit.poll(pid) {
            serverEnded("PostgreSQL \(pid) ended with \(exit)", life: clock.now - since)
            return
        }
        // A smart stop, which the guardian never asks for, refuses clients and waits for those connected, which
        // could be for ever: make it a fast one, and start again.
        if hurried != pid, let file = PostmasterFile(directory: folder.postgresPath), file.pid == pid,
            file.status == "stopping"
        {
            hurried = pid
            logger.warning("PostgreSQL \(pid) is stopping on somebody's wish: it is started again")
            kill(pid, SIGINT)
        }
    }

    /// Plans the next start after a server, or an attempt to get one, has ended.
    func serverEnded(_ what: String, life: Duration) {
        let delay = backoff.died(after: life)
        logger.warning("\(what); next start in \(delay)")
        phase = .down(attempt: clock.now + delay)
        if delay == .zero { start() }
    }

    /// States once why there is no server, for the log and for the nodes, and looks again later.
    func refuse(_ refusal: Refusal) {
        phase = .down(attempt: clock.now + Self.refusalPause)
        guard statedRefusal != refusal.reason else { return }
        statedRefusal = refusal.reason
        logger.error("no server is started: \(refusal.reason)")
        do {
            try FileContents.replace(folder.refusalPath, Array(refusal.reason.utf8))
        } catch {
            logger.error("\(error)")
        }
    }

    func withdrawRefusal() {
        guard statedRefusal != nil else { return }
        statedRefusal = nil
        unlink(folder.refusalPath)
    }
}
