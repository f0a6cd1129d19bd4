import Glibc

/// A child process by posix_spawn(3): standard input from `/dev/null`, no blocked nor ignored signals, and no
/// descriptors but the named ones (all others are O_CLOEXEC).
package struct Spawn {
    package var executable: String
    package var arguments: [String]
    /// Lines `NAME=value`, the whole environment.
    package var environment: [String]
    /// Descriptors that keep their numbers in the child.
    package var inherited: [CInt] = []
    /// Becomes the child's standard output and error.
    package var output: CInt
    /// A session of its own: no terminal's signals reach it.
    package var newSession = false

    package init(executable: String, arguments: [String], environment: [String], output: CInt) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.output = output
    }

    /// - Returns: the process id, to be reaped by `ChildExit.poll`.
    package func start() throws(SystemCallError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        for number in inherited {
            // Onto itself: clears O_CLOEXEC in the child alone (POSIX.1-2024, glibc 2.29).
            posix_spawn_file_actions_adddup2(&actions, number, number)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        setSignalsAndSession(&attributes)

        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup($0) } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, executable, &actions, &attributes, &argv, &envp)
        guard code == 0 else { throw SystemCallError("posix_spawn", executable, code: code) }
        return pid
    }

    private func setSignalsAndSession(_ attributes: inout posix_spawnattr_t) {
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2] {
            sigaddset(&defaults, signal)
        }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        // POSIX_SPAWN_SETSID, which the C library hides behind _GNU_SOURCE.
        let session: Int16 = newSession ? 0x80 : 0
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | session
        )
    }
}

/// How a child ended.
package enum ChildExit: Equatable, Sendable, CustomStringConvertible {
    case code(CInt)
    case signal(CInt)

    /// Reaps the child if it has ended; nil while it runs. A child that is not ours counts as ended.
    package static func poll(_ pid: pid_t, wait: Bool = false) -> ChildExit? {
        var status: CInt = 0
        while true {
            let reaped = waitpid(pid, &status, wait ? 0 : WNOHANG)
            if reaped == 0 { return nil }
            if reaped < 0 {
                if errno == EINTR { continue }
                return .code(-1)
            }
            let signal = status & 0x7f
            return signal == 0 ? .code(status >> 8 & 0xff) : .signal(signal)
        }
    }

    package var description: String {
        switch self {
        case .code(let code): "exit code \(code)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}
