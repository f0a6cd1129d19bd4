import Glibc
import Logging
import Synchronization

/// PostgreSQL for everybody in the process: a bounded pool of connections behind one thread.
///
/// It owns one epoll thread, one thread that sends cancel requests, at most `poolSize` connections and one for
/// notifications. Everybody may call it. Bounds are in `PostgresConfiguration`. A lost connection fails only the
/// statement it ran; new ones are opened with jittered back-off, and callers wait for them until their deadlines.
package final class PostgresClient: Sendable {
    private enum Phase {
        case created
        case running(PostgresThread)
        case ended(PostgresThread?)
    }

    private struct State {
        var phase = Phase.created
        var whoWait: [CheckedContinuation<Void, Never>] = []
    }

    private let configuration: PostgresConfiguration
    private let logger: Logger
    private let mailbox = PostgresMailbox()
    private let reachability = PostgresReachability()
    private let lastID = Atomic<UInt64>(0)
    private let state = Mutex(State())

    package init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    deinit { shutdown() }

    /// Whether the last attempt to connect or the last answer was good. No I/O; false until the first connection, which
    /// `start()` opens. While it is false the client keeps trying by itself.
    package var isReachable: Bool { reachability.value }

    /// Starts the threads and opens the first connection; later calls do nothing.
    ///
    /// Makes the **whole process ignore SIGPIPE**: a server that closes a socket must not end it.
    package func start() throws(PostgresThreadError) {
        let result: Result<Void, PostgresThreadError> = state.withLock { state in
            guard case .created = state.phase else { return .success(()) }
            do throws(PostgresThreadError) {
                state.phase = .running(try makeThread())
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Starts if need be, and returns after `shutdown()` or when the task is cancelled: then all callers have their
    /// answers, all connections are closed and the threads have ended. Takes at most `cancelGrace` for what runs.
    package func run() async throws(PostgresThreadError) {
        try start()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasEnded = state.withLock { state in
                    if case .ended = state.phase { return true }
                    state.whoWait.append(continuation)
                    return false
                }
                if hasEnded { continuation.resume() }
            }
        } onCancel: {
            shutdown()
        }
        let thread = state.withLock { state -> PostgresThread? in
            guard case .ended(let thread) = state.phase else { return nil }
            return thread
        }
        // Ending was the last thing that it said: this waits for microseconds.
        thread?.join()
    }

    /// Ends the client for good: who waits is refused, what runs is stopped on the server. Returns at once.
    package func shutdown() {
        guard !mailbox.post(.shutDown) else { return }
        state.withLock { state in
            // Within the lock: `start()` holds it until the mailbox is open.
            guard case .created = state.phase else {
                _ = mailbox.post(.shutDown)
                return
            }
            state.phase = .ended(nil)
            for case .subscribe(let subscription) in mailbox.close() { subscription.continuation.finish() }
        }
    }

    private func makeThread() throws(PostgresThreadError) -> PostgresThread {
        signal(SIGPIPE, SIG_IGN)
        let mailbox = mailbox
        let canceller = try PostgresCanceller(logger: logger) { _ = mailbox.post(.cancelReturned($0)) }
        let wakeUp = try PostgresWakeUp()
        let poller = try PostgresPoller()
        do throws(PostgresThreadError) {
            let cancelThread = try PostgresThread(name: "postgres-cancel") { canceller.run() }
            let (configuration, reachability, logger) = (configuration, reachability, logger)
            let thread = try PostgresThread(name: "postgres") { [weak self] in
                PostgresReactor(
                    configuration: configuration, mailbox: mailbox, canceller: canceller, isReachable: reachability,
                    poller: poller, wakeUp: wakeUp, logger: logger
                ).run()
                poller.close()
                // A request that hangs cannot be interrupted; its thread ends when the kernel gives up.
                if canceller.close() { cancelThread.join() } else { cancelThread.detach() }
                self?.hasEnded()
            }
            mailbox.open(wakeUp: wakeUp)
            return thread
        } catch {
            _ = canceller.close()
            poller.close()
            throw error
        }
    }

    private func hasEnded() {
        let whoWait = state.withLock { state in
            if case .running(let thread) = state.phase { state.phase = .ended(thread) }
            defer { state.whoWait = [] }
            return state.whoWait
        }
        for continuation in whoWait { continuation.resume() }
    }

    // MARK: - Statements

    /// Runs one statement, committed when it returns.
    ///
    /// Cancelling the task, or the deadline, stops the statement **on the server**: this throws when that is done, at
    /// most `cancelGrace` later; if the statement was quicker, its answer is returned instead.
    ///
    /// - Parameter deadline: from now on, waiting for a connection included; nil means `statementDeadline`.
    @discardableResult
    package func query(
        _ statement: PostgresStatement,
        _ parameters: [PostgresValue] = [],
        deadline: Duration? = nil,
    ) async throws(PostgresError) -> PostgresRows {
        try await run(.statement(statement, PostgresParameters(parameters)), .none, deadline: deadline)
    }

    /// Runs several statements, separated by semicolons, as one transaction unless they hold `BEGIN` or `COMMIT`
    /// themselves (manual, chapter 55.2.2.1). For migrations; without parameters, rows or COPY.
    package func execute(script: String, deadline: Duration = .seconds(600)) async throws(PostgresError) {
        _ = try await run(.script(script), .none, deadline: deadline)
    }

    /// Runs `body` in a transaction on a connection of its own: commits when it returns, rolls back and rethrows when
    /// it throws. If the answer to COMMIT is lost, `PostgresError.connectionLost(mayHaveCommitted: true)`.
    ///
    /// The whole waits at most `statementDeadline` for a connection. Nothing is repeated; the transaction must not be
    /// used after `body`.
    package nonisolated(nonsending) func withTransaction<R: Sendable>(
        _ isolation: PostgresIsolation = .readCommitted,
        _ body: nonisolated(nonsending) (PostgresTransaction) async throws -> R,
    ) async throws -> R {
        let lease = makeID()
        _ = try await run(.script("BEGIN ISOLATION LEVEL \(isolation.rawValue)"), .open, id: lease)
        let value: R
        do {
            value = try await body(PostgresTransaction(client: self, lease: lease))
        } catch {
            // Whatever comes of it, the reactor closes a connection that is still in a transaction.
            _ = await outcome(of: .script("ROLLBACK"), .close(lease, commits: false), isCancellable: false)
            throw error
        }
        let commit = await outcome(of: .script("COMMIT"), .close(lease, commits: true), isCancellable: false)
        guard try commit.get().commandTag == "COMMIT" else {
            // The server answers ROLLBACK, without an error, if a statement had failed and `body` went on.
            throw PostgresError.server(
                sqlState: "25P02", message: "a statement of the transaction had failed", constraint: nil)
        }
        return value
    }

    func run(
        _ work: PostgresJob.Work,
        _ lease: PostgresPool.LeaseUse,
        id: JobID? = nil,
        deadline: Duration? = nil,
    ) async throws(PostgresError) -> PostgresRows {
        try await outcome(of: work, lease, id: id, deadline: deadline, isCancellable: true).get()
    }

    private func outcome(
        of work: PostgresJob.Work,
        _ lease: PostgresPool.LeaseUse,
        id: JobID? = nil,
        deadline: Duration? = nil,
        isCancellable: Bool,
    ) async -> PostgresJob.Outcome {
        let id = id ?? makeID()
        let instant = ContinuousClock.now.advanced(by: deadline ?? configuration.statementDeadline)
        let flag = isCancellable ? PostgresFlag() : nil
        @Sendable func submit() async -> PostgresJob.Outcome {
            await withCheckedContinuation { continuation in
                let job = PostgresJob(
                    id: id, work: work, lease: lease, deadline: instant, wasCancelled: flag,
                    continuation: continuation)
                guard !mailbox.post(.submit(job)) else { return }
                continuation.resume(returning: .failure(.unavailable("the client is not running")))
            }
        }
        guard let flag else { return await submit() }
        return await withTaskCancellationHandler {
            await submit()
        } onCancel: {
            flag.set()
            _ = mailbox.post(.stop(id))
        }
    }

    private func makeID() -> UInt64 {
        lastID.add(1, ordering: .relaxed).newValue
    }

    // MARK: - Notifications

    /// Yields once the channel is listened to, after each reconnection and after notifications: read at each element
    /// all that changed. Several notifications may be one element; payloads are not passed on.
    ///
    /// All streams share one connection. The stream ends with its task's cancellation or the client's end.
    ///
    /// - Parameter channel: as in `NOTIFY "channel"`, at most 63 bytes.
    package func notifications(channel: String) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = makeID()
        let mailbox = mailbox
        continuation.onTermination = { _ in _ = mailbox.post(.unsubscribe(id)) }
        let subscription = PostgresSubscription(id: id, channel: channel, continuation: continuation)
        if !mailbox.post(.subscribe(subscription)) { continuation.finish() }
        return stream
    }
}
