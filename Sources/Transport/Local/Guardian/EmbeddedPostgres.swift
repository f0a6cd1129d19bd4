import Glibc
import Logging
import Synchronization

/// The private PostgreSQL of a data folder, as a node sees it. The server belongs to the folder: the first
/// node to notice that no guardian lives starts one, whichever node that is, at any time of its life.
///
/// It owns the node's share of `nodes.lock`, one thread that watches (each 250 ms, from `join` to `leave`),
/// and the descriptor through which clients connect. When the server dies, all connections break; it is
/// back within seconds, so every lost connection is to be retried.
package final class EmbeddedPostgres: Sendable {
    /// The longest wait for a guardian that stops the former server; it needs 21 s at the most.
    static let joinLimit: Duration = .seconds(30)
    /// How long a stated refusal must last before a node believes it.
    static let refusalPatience: Duration = .seconds(2)

    let folder: DataFolder
    private let executable: String
    private let arguments: [String]
    private let logger: Logger
    /// This node's share of `nodes.lock`, while it is a member.
    private let membership = Mutex<FileLock?>(nil)
    /// The folder's descriptor, -1 before `join`; open to the end of this object, for libpq uses its number
    /// at each reconnection.
    private let folderDescriptor = Atomic<CInt>(-1)

    /// - Parameter executable: absolute path of the program that runs `Guardian.run`.
    /// - Parameter arguments: its arguments, to which the folder's path and the number of the descriptor of
    ///   `guardian.lock` are added.
    package init(folder: DataFolder, executable: String, arguments: [String], logger: Logger) {
        self.folder = folder
        self.executable = executable
        self.arguments = arguments
        self.logger = logger
    }

    deinit {
        let number = folderDescriptor.load(ordering: .acquiring)
        if number >= 0 { close(number) }
    }

    /// Makes this process a node of the folder: from here to `leave` (or to the process's end, however it
    /// comes) a server is kept running. Blocks the calling thread for 30 s at most, as a rule not at all.
    package func join() throws {
        let lock = try folder.lock(at: folder.nodesLockPath)
        let begin = ContinuousClock.now
        while try !lock.tryLock(.shared) {
            let waited = ContinuousClock.now - begin
            guard waited < Self.joinLimit else {
                throw EmbeddedPostgresError.folderBusy(path: folder.path, waited: waited)
            }
            usleep(20_000)
        }
        if folderDescriptor.load(ordering: .acquiring) < 0 {
            // Left open on purpose; closed by deinit.
            folderDescriptor.store(try folder.openDescriptor().release(), ordering: .releasing)
        }
        var share: FileLock? = lock
        membership.withLock { $0 = share.take() }
        let watch = GuardianWatch(folder: folder, executable: executable, arguments: arguments, logger: logger)
        try watch.startThread { [self] in isMember }
    }

    /// Ends the membership; the last node's end ends the server. The watching thread ends within 250 ms, or
    /// with the guardian that this process started, which it reaps.
    package func leave() {
        membership.withLock { $0 = nil }
    }

    private var isMember: Bool {
        membership.withLock { $0 != nil }
    }

    /// What libpq needs to connect from this process, and from a child that inherits the descriptor under
    /// the same number. There is no password: the kernel tells the server who asks. Valid after `join`.
    package var connectionParameters: [(String, String)] {
        [
            ("host", socketDirectory),
            ("port", "\(PostgresSettings.port)"),
            ("user", "postgres"),
            ("dbname", "postgres"),
        ]
    }

    /// The descriptor that `host` names.
    package var descriptorForChildren: CInt {
        folderDescriptor.load(ordering: .acquiring)
    }

    /// Connections that the server takes from all nodes together, a few of them kept for superusers.
    package var maxConnections: Int { PostgresSettings.maxConnections }

    private var socketDirectory: String {
        let number = folderDescriptor.load(ordering: .acquiring)
        precondition(number >= 0, "a node joins the folder before it connects")
        return "/proc/self/fd/\(number)/pg"
    }

    /// Returns when a connection is possible.
    ///
    /// - Parameter probe: tells whether a connection works, best by `SELECT 1`; without it the server's own
    ///   word and connect(2) decide.
    /// - Throws: `EmbeddedPostgresError.refused` soon after the guardian has stated that it will not start a
    ///   server, `.notReady` at the deadline, `CancellationError`.
    package func waitUntilReady(
        deadline: ContinuousClock.Instant,
        probe: (@Sendable () async -> Bool)? = nil
    ) async throws {
        var obstacle: (reason: String, since: ContinuousClock.Instant)?
        while true {
            if await probe?() ?? acceptsConnections() { return }
            let now = ContinuousClock.now
            if let reason = GuardianObstacle.current(in: folder) {
                // A guardian that just begins may not have withdrawn its predecessor's word yet, and one that
                // looks again not its own.
                let since = obstacle?.reason == reason ? obstacle!.since : now
                obstacle = (reason, since)
                if now - since > Self.refusalPatience || now >= deadline {
                    throw EmbeddedPostgresError.refused(reason: reason)
                }
            } else {
                obstacle = nil
            }
            guard now < deadline else { throw EmbeddedPostgresError.notReady(log: folder.logPath) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func acceptsConnections() -> Bool {
        guard PostmasterFile(directory: socketDirectory)?.status == "ready" else { return false }
        return UnixSocket.accepts("\(socketDirectory)/.s.PGSQL.\(PostgresSettings.port)")
    }
}
