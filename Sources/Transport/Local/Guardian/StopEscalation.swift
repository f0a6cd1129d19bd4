import Glibc

/// How a server that the guardian started is asked to stop, ever more firmly (PostgreSQL manual, "Shutting
/// Down the Server"): fast, then immediate, then killed.
package struct StopEscalation: Equatable, Sendable {
    static let fastPhase: Duration = .seconds(10)
    static let immediatePhase: Duration = .seconds(3)

    private var sent: CInt?

    package init() {}

    /// The signal to send at this time since the stop began; nil when the last one is still to take effect.
    package mutating func signal(at elapsed: Duration) -> CInt? {
        let due =
            switch elapsed {
            case ..<Self.fastPhase: SIGINT
            case ..<(Self.fastPhase + Self.immediatePhase): SIGQUIT
            default: SIGKILL
            }
        guard due != sent else { return nil }
        sent = due
        return due
    }
}

/// A signal for one process.
package struct SignalOrder: Equatable, Sendable {
    package let pid: pid_t
    package let signal: CInt

    package init(pid: pid_t, signal: CInt) {
        self.pid = pid
        self.signal = signal
    }
}

/// How the processes of a former server are removed: its guardian is dead, so nobody else will.
package struct FormerServerRemoval: Equatable, Sendable {
    static let interval: Duration = .milliseconds(300)

    private var lastRound: Duration?

    package init() {}

    /// What to send at this time since they were first seen; at most one round an interval.
    package mutating func orders(at elapsed: Duration, processes: [ServerProcess]) -> [SignalOrder] {
        if let lastRound, elapsed - lastRound < Self.interval { return [] }
        lastRound = elapsed
        let postmasters = processes.filter { !$0.isBackend }
        if postmasters.isEmpty {
            // Backends without a postmaster serve nobody and hold the shared memory; one that computes would
            // notice only at its end.
            return processes.map { SignalOrder(pid: $0.pid, signal: SIGKILL) }
        }
        let signal =
            switch elapsed {
            case ..<Duration.seconds(5): SIGINT
            case ..<Duration.seconds(8): SIGQUIT
            default: SIGKILL
            }
        return postmasters.map { SignalOrder(pid: $0.pid, signal: signal) }
    }
}
