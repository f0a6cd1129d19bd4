import Synchronization

/// How callers reach the reactor: an ordered list of commands, and an eventfd written only while the reactor sleeps.
///
/// The list is bounded by the callers: each has one command under way and at most one more that stops it.
final class PostgresMailbox: Sendable {
    enum Command: Sendable {
        case submit(PostgresJob)
        case stop(JobID)
        case cancelReturned(ConnectionID)
        case subscribe(PostgresSubscription)
        case unsubscribe(UInt64)
        case shutDown
    }

    private enum Phase { case created, open, closed }

    private struct State {
        var phase = Phase.created
        var commands: [Command] = []
        var readerSleeps = false
        var wakeUp: PostgresWakeUp?

        mutating func takeCommands() -> [Command] {
            defer { commands.removeAll() }
            return commands
        }
    }

    private let state = Mutex(State())

    /// False if nobody will ever read it. Before `open` only subscriptions are taken.
    func post(_ command: Command) -> Bool {
        let (isTaken, sleeper) = state.withLock { state -> (Bool, PostgresWakeUp?) in
            switch (state.phase, command) {
            case (.open, _), (.created, .subscribe), (.created, .unsubscribe): break
            case (.created, _), (.closed, _): return (false, nil)
            }
            state.commands.append(command)
            defer { state.readerSleeps = false }
            return (true, state.readerSleeps ? state.wakeUp : nil)
        }
        // Outside the lock, which the reader wants as soon as it wakes.
        sleeper?.signal()
        return isTaken
    }

    /// Once, before the reader sleeps for the first time.
    func open(wakeUp: PostgresWakeUp) {
        state.withLock { state in
            state.phase = .open
            state.wakeUp = wakeUp
        }
    }

    /// Whether the reader may sleep: nothing is there, and the next command will wake it.
    func fallAsleep() -> Bool {
        state.withLock { state in
            state.readerSleeps = state.commands.isEmpty
            return state.readerSleeps
        }
    }

    func take() -> [Command] {
        state.withLock { state in
            state.readerSleeps = false
            return state.takeCommands()
        }
    }

    /// The last commands; later ones are refused.
    func close() -> [Command] {
        state.withLock { state in
            state.phase = .closed
            state.wakeUp = nil
            return state.takeCommands()
        }
    }
}
