import Glibc
import Synchronization

/// A child process with its output in files. Its end is always seen (no zombie stays), and it never outlives the tests:
/// a watcher kills it when this process dies without having ended it.
final class RunningProgram: Sendable {
    enum Ending: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    struct SpawnFailure: Error {
        let program: String
        let code: Int32
    }

    let pid: pid_t
    let outputPath: String
    let errorPath: String
    private let state: Mutex<(ending: Ending?, guardPID: pid_t, guardPipe: Int32)>

    /// - Parameter folder: the working folder; output and errors go to `name.out` and `name.err` in it.
    init(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], in folder: String, name: String,
        isGuarded: Bool = false
    ) throws {
        outputPath = "\(folder)/\(name).out"
        errorPath = "\(folder)/\(name).err"
        // The shell only enters the folder and becomes the program.
        pid = try Self.spawn(
            ["/bin/sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "start", folder, path] + arguments,
            environment: environment,
            descriptors: [(0, "/dev/null"), (1, outputPath), (2, errorPath)])
        var guardPID: pid_t = 0
        var guardPipe: Int32 = -1
        if isGuarded {
            // The shell waits for the end of its input, which comes at the latest when this process dies.
            var ends: [Int32] = [-1, -1]
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
                throw SpawnFailure(program: "socketpair", code: errno)
            }
            defer { close(ends[0]) }
            guardPipe = ends[1]
            guardPID = try Self.spawn(
                ["/bin/sh", "-c", "read -r line; kill -KILL \"$1\"", "watcher", String(pid)], environment: [:],
                descriptors: [], input: ends[0])
        }
        state = Mutex((nil, guardPID, guardPipe))
    }

    var output: String { Self.text(outputPath) }
    var errors: String { Self.text(errorPath) }

    /// Nil while it runs.
    var ending: Ending? {
        state.withLock { state in
            if state.ending != nil { return state.ending }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            state.ending = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signalled(status & 0x7F)
            if state.guardPID > 0 {
                kill(state.guardPID, SIGKILL)
                waitpid(state.guardPID, nil, 0)
                close(state.guardPipe)
            }
            return state.ending
        }
    }

    /// Does nothing once the process has ended: its id may be another's by then.
    func send(_ signal: Int32) {
        guard ending == nil else { return }
        kill(pid, signal)
    }

    func end(within bound: Duration) async throws -> Ending {
        try await eventually("the end of process \(pid)", within: bound) { ending }
    }

    /// SIGTERM, and SIGKILL when that does not end it in time.
    func stop(within bound: Duration = .seconds(15)) async {
        send(SIGTERM)
        await endOrKill(within: bound)
    }

    /// Waits for an end that was asked for, and kills when it does not come in time.
    func endOrKill(within bound: Duration = .seconds(15)) async {
        if (try? await end(within: bound)) == nil {
            send(SIGKILL)
            _ = try? await end(within: .seconds(5))
        }
    }

    static func text(_ path: String) -> String { String(decoding: Files.bytes(path) ?? [], as: UTF8.self) }

    /// Sockets of a client of ours would stay open in a node for as long as it lives.
    private static func closeOnExec() {
        guard let folder = opendir("/proc/self/fd") else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let descriptor = Int32(name), descriptor > 2 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
    }

    private static func spawn(
        _ words: [String], environment: [String: String], descriptors: [(Int32, String)], input: Int32? = nil
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, file) in descriptors {
            let flags = descriptor == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC
            posix_spawn_file_actions_addopen(&actions, descriptor, file, flags, 0o600)
        }
        if let input { posix_spawn_file_actions_adddup2(&actions, input, 0) }
        closeOnExec()
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let searchPath = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        let variables = environment.merging(["PATH": searchPath]) { own, _ in own }.map { "\($0.key)=\($0.value)" }
        let arguments = words.map { strdup($0) } + [nil]
        let values = variables.map { strdup($0) } + [nil]
        defer { for pointer in arguments + values { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, words[0], &actions, &attributes, arguments, values)
        guard code == 0 else { throw SpawnFailure(program: words[0], code: code) }
        return pid
    }
}

extension RunningProgram {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a tool to its end and returns what it printed.
    @discardableResult
    static func run(
        _ path: String, _ arguments: [String], in folder: String, within bound: Duration = .seconds(60)
    ) async throws -> [UInt8] {
        let name = "tool-\(UInt64.random(in: .min ... .max))"
        let program = try RunningProgram(path, arguments, in: folder, name: name, isGuarded: true)
        defer {
            unlink(program.outputPath)
            unlink(program.errorPath)
        }
        do {
            guard try await program.end(within: bound) == .exited(0) else {
                throw Failed(description: "\(path) \(arguments): \(program.errors)")
            }
        } catch {
            program.send(SIGKILL)
            _ = try? await program.end(within: .seconds(5))
            throw error
        }
        return Files.bytes(program.outputPath) ?? []
    }
}
