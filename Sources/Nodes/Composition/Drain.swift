import Actors
import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

/// What signals do to a node, from before its start to its end: the first one drains it, or stops its start; a second
/// one ends the process at once.
final class DrainControl: Sendable {
    private enum State {
        case starting
        case up(Drain)
        case stopped
    }

    private let state = Mutex(State.starting)
    private let startStopped = Signal()
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// Returns when cancelled.
    func listen(to signals: UnixSignalsSequence) async {
        await withTaskGroup(of: Void.self) { group in
            var isSecond = false
            for await signal in signals {
                if isSecond {
                    logger.warning("second signal: ending at once")
                    // 128 + n, as shells report a death by signal.
                    _exit(128 + (signal == .sigint ? SIGINT : SIGTERM))
                }
                isSecond = true
                logger.notice("draining", metadata: ["signal": "\(signal)"])
                if let drain = takeDrain() { group.addTask { await drain.begin() } } else { startStopped.raise() }
            }
        }
    }

    /// Returns when a signal came before the node was up.
    func stopOfStart() async {
        for await _ in startStopped.elements { return }
    }

    /// - Returns: false when a signal came before.
    func nodeIsUp(_ drain: Drain) -> Bool {
        state.withLock { state in
            guard case .starting = state else { return false }
            state = .up(drain)
            return true
        }
    }

    private func takeDrain() -> Drain? {
        state.withLock { state in
            defer { state = .stopped }
            guard case .up(let drain) = state else { return nil }
            return drain
        }
    }
}

/// What the first signal sets in motion.
struct Drain: Sendable {
    let notice: Duration
    let status: NodeStatus
    let worker: WorkerNode?
    let api: APINode?
    let listener: ServiceGroup?
    let clock: any NodeClock

    func begin() async {
        status.beginDrain()
        worker?.drain()
        await api?.beginDrain()
        if listener != nil, notice > .zero { try? await clock.wait(notice) }
        await listener?.triggerGracefulShutdown()
    }
}
