import FoundationEssentials
import Glibc
import Testing
import Transport

/// One machine's data folder with real nodes, a real guardian and a real server. `close` leaves nothing behind.
final class GuardedMachine: Sendable {
    let root: String
    let folder: DataFolder
    /// Whether nodes run as the user `nobody`.
    let isUnprivileged: Bool
    private let descriptor: OwnedDescriptor
    private let program: String

    init(below place: String = "data", rootMode: mode_t = 0o755, unprivileged: Bool = false) throws {
        isUnprivileged = unprivileged
        root = FileManager.default.temporaryDirectory.path + "/guarded-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root + "/" + place, withIntermediateDirectories: true)
        chmod(root, rootMode)
        if unprivileged {
            let nobody = try #require(getpwnam("nobody")).pointee
            chown(root + "/" + place, nobody.pw_uid, nobody.pw_gid)
        }
        folder = try DataFolder(path: root + "/" + place)
        descriptor = try OwnedDescriptor(opening: folder.path, O_RDONLY | O_DIRECTORY)
        let built = Self.builtProgram
        program = unprivileged ? root + "/guardianlab" : built
        // The build folder may be closed to other users.
        if unprivileged { try FileManager.default.copyItem(atPath: built, toPath: program) }
    }

    /// The product's executable, beside the test's own.
    static var builtProgram: String {
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: own ?? "").deletingLastPathComponent().path + "/guardianlab"
    }

    /// Starts a node without waiting for it.
    func startNode() throws -> Node {
        let output = root + "/node-\(UUID().uuidString)"
        let file = try OwnedDescriptor(opening: output, O_WRONLY | O_CREAT | O_APPEND)
        let command = asNodeUser([program, "node", folder.path])
        let spawn = Spawn(
            executable: command[0],
            arguments: Array(command.dropFirst()),
            environment: ["PATH=/usr/bin:/bin"],
            output: file.number
        )
        return Node(pid: try spawn.start(), output: output)
    }

    func startReadyNode(within limit: Duration = .seconds(10)) async throws -> Node {
        let node = try startNode()
        try #require(await eventually(within: limit) { node.isReady }, "\(node.said)\n\(logs)")
        return node
    }

    /// psql's answer, nil when the server does not give one.
    func query(_ sql: String) async throws -> String? {
        let output = root + "/answer-\(UUID().uuidString)"
        let pid = try startQuery(sql, output: output)
        var exit: ChildExit?
        guard
            await eventually(
                within: .seconds(20),
                {
                    exit = ChildExit.poll(pid); return exit != nil
                })
        else {
            kill(pid, SIGKILL)
            return nil
        }
        guard exit == .code(0) else { return nil }
        return try FileContents.text(output)?.split(separator: "\n").joined(separator: "\n")
    }

    func startQuery(_ sql: String, output: String) throws -> pid_t {
        let file = try OwnedDescriptor(opening: output, O_WRONLY | O_CREAT | O_APPEND)
        let command = asNodeUser([
            "/usr/bin/psql", "-h", descriptor.path + "/pg", "-U", "postgres", "-d", "postgres", "-XAtqc", sql,
        ])
        var spawn = Spawn(
            executable: command[0],
            arguments: Array(command.dropFirst()),
            environment: ["PATH=/usr/bin:/bin"],
            output: file.number
        )
        spawn.inherited = [descriptor.number]
        return try spawn.start()
    }

    func answers(within limit: Duration) async -> Bool {
        await eventually(within: limit) { (try? await self.query("select 1")) == "1" }
    }

    var guardian: pid_t? {
        let line = (try? FileContents.text(folder.guardianLockPath)) ?? nil
        return line?.split(whereSeparator: \.isWhitespace).last.flatMap { pid_t($0) }
    }

    var postmaster: pid_t? { PostmasterFile(directory: folder.postgresPath)?.pid }

    /// No guardian, no process of a server: each would hold its lock.
    var isAtRest: Bool {
        guard let guardian = try? folder.lock(at: folder.guardianLockPath),
            let server = try? folder.lock(at: folder.serverLockPath)
        else { return true }
        guard (try? guardian.tryLock(.exclusive)) == true, (try? server.tryLock(.exclusive)) == true else {
            return false
        }
        return ServerProcess.all(in: folder.postgresPath).isEmpty
    }

    func lines(of path: String, containing text: String) -> Int {
        let log = ((try? FileContents.text(path)) ?? nil) ?? ""
        return log.split(separator: "\n").count { $0.contains(text) }
    }

    var logs: String {
        [folder.guardianLogPath, folder.postgresLogPath].map { ((try? FileContents.text($0)) ?? nil) ?? "" }.joined()
    }

    /// Ends what is left, by process id, and removes the folder.
    func close(_ nodes: [Node]) async {
        nodes.forEach { $0.end(SIGKILL) }
        #expect(await eventually(within: .seconds(20)) { self.isAtRest }, "\(logs)")
        try? FileManager.default.removeItem(atPath: root)
    }

    private func asNodeUser(_ command: [String]) -> [String] {
        guard isUnprivileged else { return command }
        // psql wants to read its working folder, and the checkout may lie below a closed home.
        return ["/usr/bin/env", "--chdir=/", "/usr/bin/setpriv", "--reuid", "nobody", "--regid", "nogroup"]
            + ["--clear-groups"] + command
    }
}

/// A node's process.
struct Node: Sendable {
    let pid: pid_t
    let output: String

    var said: String { ((try? FileContents.text(output)) ?? nil) ?? "" }
    var isReady: Bool { said.contains("ready\n") }

    /// Signals the node, and waits for its end.
    func end(_ signal: CInt) {
        kill(pid, signal)
        _ = ChildExit.poll(pid, wait: true)
    }
}

/// Looks at a condition of the outside world until it holds or the limit is over.
func eventually(within limit: Duration, _ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
        if try await condition() { return true }
        if ContinuousClock.now > deadline { return false }
        try? await Task.sleep(for: .milliseconds(20))
    }
}
