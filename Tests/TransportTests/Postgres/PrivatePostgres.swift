import FoundationEssentials
import Glibc
import Synchronization
import Transport

/// A PostgreSQL server in a temporary folder, reached by its socket. A shell holds it: the server stops, and the folder
/// goes, when this process closes its end of a pipe, also by dying.
final class PrivatePostgres: Sendable {
    static let shared = PrivatePostgres()

    let folder: String
    private let holder = Mutex<(pid: pid_t, pipe: Int32)?>(nil)

    convenience init() {
        self.init { folder in
            """
            \(Self.binaries)/initdb -D \(folder)/data --no-sync -E UTF8 --locale=C.UTF-8 -U app --auth=trust
            """
        }
    }

    /// A streaming replica, read-only until it is promoted.
    convenience init(standbyOf primary: PrivatePostgres) {
        self.init { folder in
            """
            \(Self.binaries)/pg_basebackup -h \(primary.folder) -U app -D \(folder)/data -R -X stream \
            --checkpoint=fast --no-sync
            """
        }
    }

    /// - Parameter make: the command that fills the `data` folder of a folder.
    private init(_ make: (_ folder: String) -> String) {
        let template = Array("/tmp/anb-postgres-XXXXXX".utf8CString)
        folder = template.withUnsafeBufferPointer { buffer in
            var copy = Array(buffer)
            return String(cString: mkdtemp(&copy))
        }
        if geteuid() == 0 {
            let user = getpwnam("nobody")
            chown(folder, user?.pointee.pw_uid ?? 0, user?.pointee.pw_gid ?? 0)
        }
        let (pid, pipe) = Self.spawn("cd / && \(Self.asNobody) \(make(folder)) >/dev/null")
        close(pipe)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        precondition(status == 0, "\(make(folder)) failed")
        start()
    }

    private static let binaries = "/usr/lib/postgresql/15/bin"
    /// PostgreSQL refuses to run as root; anybody else runs it as themselves.
    private static let asNobody = geteuid() == 0 ? "setpriv --reuid nobody --regid nogroup --clear-groups" : ""

    func start() {
        let run = """
            cd / && \(Self.asNobody) \(Self.binaries)/postgres -D \(folder)/data -c listen_addresses= \
            -c unix_socket_directories=\(folder) -c fsync=off -c max_connections=60 -c jit=off \
            -c shared_buffers=32MB >>\(folder)/log 2>&1 <&- &
            server=$!; read line; kill -INT $server; wait $server; [ "$line" = keep ] || rm -rf \(folder)
            """
        let spawned = Self.spawn(run)
        holder.withLock { $0 = spawned }
    }

    /// A fast stop; the folder stays for `start()`.
    func stop() {
        guard let (pid, pipe) = holder.withLock({ $0 }) else { return }
        _ = write(pipe, "keep\n", 5)
        close(pipe)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        holder.withLock { $0 = nil }
    }

    func remove() {
        guard let (pid, pipe) = holder.withLock({ $0 }) else {
            try? FileManager.default.removeItem(atPath: folder)
            return
        }
        close(pipe)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        holder.withLock { $0 = nil }
    }

    var configuration: PostgresConfiguration {
        var configuration = PostgresConfiguration(
            parameters: [("host", folder), ("user", "app"), ("dbname", "postgres")])
        configuration.poolSize = 4
        return configuration
    }

    /// A shell whose standard input is the other end of the returned pipe.
    private static func spawn(_ command: String) -> (pid: pid_t, pipe: Int32) {
        var ends: [Int32] = [0, 0]
        // Not a pipe: Swift does not see pipe2, which alone sets the flag in time.
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        precondition(socketpair(AF_UNIX, type, 0, &ends) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        // The server must not hold the output of the test run open.
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        // The shell waits for SIGCHLD, which the thread of a test may block.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments: [UnsafeMutablePointer<CChar>?] = ["sh", "-c", command].map { strdup($0 as String) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin:/usr/sbin:/sbin"), nil]
        defer { for variable in environment { free(variable) } }
        var pid = pid_t()
        let code = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &arguments, &environment)
        precondition(code == 0, "no shell")
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
        close(ends[0])
        return (pid, ends[1])
    }
}
