import Logging
import Synchronization

/// The client's one thread: it owns the connections, carries out what `PostgresPool` and `PostgresListener` decide, and
/// resumes the callers. Not Sendable, and made on its own thread: nothing of it is reachable from elsewhere.
final class PostgresReactor {
    private enum Owner { case pool, listener }

    private struct Entry {
        let link: PostgresLink
        let owner: Owner
        /// Of several hosts, which one it began with.
        let attempt: Int
    }

    private let configuration: PostgresConfiguration
    private let mailbox: PostgresMailbox
    private let canceller: PostgresCanceller
    private let isReachable: PostgresReachability
    private let logger: Logger
    private let poller: PostgresPoller
    private let wakeUp: PostgresWakeUp
    /// Connections that were given up before they were there: of several hosts another is tried first then.
    private var failedAttempts = 0
    private var pool: PostgresPool
    private var listener: PostgresListener
    private var entries: [UInt64: Entry] = [:]
    private var jobs: [JobID: PostgresJob] = [:]
    private var subscriptions: [UInt64: PostgresSubscription] = [:]
    private var nextListenerID = PostgresReactor.firstListenerID
    private var now = ContinuousClock.now

    /// The pool numbers its connections from 0, the listener from here, the eventfd has the last number.
    private static let firstListenerID: UInt64 = 1 << 62
    private static let wakeUpID = UInt64.max

    init(
        configuration: PostgresConfiguration,
        mailbox: PostgresMailbox,
        canceller: PostgresCanceller,
        isReachable: PostgresReachability,
        poller: PostgresPoller,
        wakeUp: PostgresWakeUp,
        logger: Logger,
    ) {
        self.configuration = configuration
        self.mailbox = mailbox
        self.canceller = canceller
        self.isReachable = isReachable
        self.poller = poller
        self.wakeUp = wakeUp
        self.logger = logger
        pool = PostgresPool(
            limits: .init(
                connections: configuration.poolSize, waiters: configuration.maxWaiters,
                connectTimeout: configuration.connectTimeout, cancelGrace: configuration.cancelGrace,
                outagePatience: configuration.outagePatience))
        listener = PostgresListener(timeout: configuration.connectTimeout)
    }

    /// Runs until the client is shut down and every caller has an answer.
    func run() {
        poller.watch(wakeUp.descriptor, id: Self.wakeUpID)
        perform(pool.started(now: now))
        var ready: [UInt64] = []
        while !pool.isFinished {
            poller.wait(mailbox.fallAsleep() ? timeToNextTimer() : .zero, into: &ready)
            now = .now
            // Deaths before commands: a caller must not be given a connection whose end is already known.
            for id in ready { socketIsReady(id) }
            for command in mailbox.take() { carryOut(command) }
            fireTimers()
            isReachable.set(pool.isReachable)
        }
        end()
    }

    private func fireTimers() {
        if let due = pool.nextTimer, due <= now {
            perform(pool.timersFired(jitter: .random(in: 0...1), now: now))
        }
        if let due = listener.nextTimer, due <= now {
            let jitter = Double.random(in: 0...1)
            perform(listener.timersFired(jitter: jitter, newConnection: makeListenerID(), now: now))
        }
    }

    private func end() {
        perform(listener.shutDown())
        for command in mailbox.close() { refuse(command) }
        for subscription in subscriptions.values { subscription.continuation.finish() }
        subscriptions = [:]
        isReachable.set(false)
    }

    private func refuse(_ command: PostgresMailbox.Command) {
        switch command {
        case .submit(let job): job.continuation.resume(returning: .failure(.unavailable("the client is shut down")))
        case .subscribe(let subscription): subscription.continuation.finish()
        case .stop, .cancelReturned, .unsubscribe, .shutDown: break
        }
    }

    private func timeToNextTimer() -> Duration? {
        [pool.nextTimer, listener.nextTimer].compactMap { $0 }.min().map { ContinuousClock.now.duration(to: $0) }
    }

    private func makeListenerID() -> UInt64 {
        nextListenerID += 1
        return nextListenerID
    }

    private func carryOut(_ command: PostgresMailbox.Command) {
        switch command {
        case .submit(let job):
            guard job.wasCancelled?.isSet != true else {
                job.continuation.resume(returning: .failure(.cancelled))
                return
            }
            jobs[job.id] = job
            perform(pool.submit(job.id, lease: job.lease, deadline: job.deadline, now: now))
        case .stop(let job): perform(pool.stop(job, .cancelled, now: now))
        case .cancelReturned(let connection): perform(pool.cancelReturned(connection, now: now))
        case .subscribe(let subscription):
            subscriptions[subscription.id] = subscription
            perform(
                listener.subscribe(
                    subscription.id, channel: subscription.channel, newConnection: makeListenerID(), now: now))
        case .unsubscribe(let id):
            subscriptions[id] = nil
            perform(listener.unsubscribe(id, now: now))
        case .shutDown:
            perform(pool.shutDown(now: now))
            perform(listener.shutDown())
        }
    }

    // MARK: - Connections

    private func open(_ id: UInt64, _ owner: Owner) {
        let link = PostgresLink(id: id, configuration: configuration, attempt: failedAttempts, logger: logger)
        entries[id] = Entry(link: link, owner: owner, attempt: failedAttempts)
        handle(link.begin(poller), of: id, owner)
    }

    private func close(connection id: UInt64) {
        canceller.withdraw(id)
        guard let entry = entries.removeValue(forKey: id) else { return }
        // Not one more for each: attempts that failed side by side asked the same host first.
        if entry.link.isConnecting { failedAttempts = max(failedAttempts, entry.attempt + 1) }
        entry.link.close(poller)
    }

    private func socketIsReady(_ id: UInt64) {
        if id == Self.wakeUpID {
            wakeUp.wait()
        } else if let entry = entries[id] {
            let event = entry.link.advance(poller)
            if entry.owner == .listener {
                for channel in entry.link.takeNotifications() { perform(listener.notified(channel)) }
            }
            handle(event, of: id, entry.owner)
        }
    }

    private func handle(_ event: PostgresLink.Event, of id: UInt64, _ owner: Owner) {
        switch owner {
        case .pool: handlePool(event, of: id)
        case .listener: handleListener(event)
        }
    }

    private func handleListener(_ event: PostgresLink.Event) {
        switch event {
        case .pending: break
        case .connected: perform(listener.connected(now: now))
        case .answered(.success, _, isAlive: true): perform(listener.commandSucceeded(now: now))
        case .answered(.success, _, isAlive: false): listenerFailed("the connection has ended")
        case .answered(.failure(let error), _, _): listenerFailed("\(error)")
        case .connectFailed(let reason), .lost(let reason, _): listenerFailed(reason)
        }
    }

    private func listenerFailed(_ reason: String) {
        logger.debug("PostgreSQL notifications interrupted", metadata: ["reason": "\(reason)"])
        perform(listener.failed(reason, jitter: .random(in: 0...1), now: now))
    }

    private func perform(_ actions: [PostgresListener.Action]) {
        for action in actions {
            switch action {
            case .connect(let id): open(id, .listener)
            case .send(let script, on: let id):
                if let link = entries[id]?.link { handleListener(link.start(.script(script), poller)) }
            case .tell(let id): subscriptions[id]?.continuation.yield()
            case .close(let id): close(connection: id)
            }
        }
    }

    // MARK: - The pool's connections

    private func handlePool(_ event: PostgresLink.Event, of id: ConnectionID) {
        switch event {
        case .pending: break
        case .connected: perform(pool.connected(id, now: now))
        case .connectFailed(let reason):
            logger.debug("PostgreSQL connection failed", metadata: ["reason": "\(reason)"])
            close(connection: id)
            perform(pool.connectFailed(id, reason: reason, jitter: .random(in: 0...1), now: now))
        case .lost(let reason, let wasSent):
            logger.debug("PostgreSQL connection lost", metadata: ["reason": "\(reason)"])
            perform(pool.lost(id, reason: reason, wasSent: wasSent, now: now))
        case .answered(let outcome, let isInTransaction, let isAlive):
            answered(id, outcome, isInTransaction: isInTransaction, isAlive: isAlive)
        }
    }

    private func answered(_ id: ConnectionID, _ outcome: PostgresJob.Outcome, isInTransaction: Bool, isAlive: Bool) {
        guard let jobID = pool.connections[id]?.runningJob, let job = jobs[jobID] else { return }
        var outcome = outcome
        var succeeded = true
        if case .failure(let error) = outcome {
            succeeded = false
            if error.refusesPreparedStatement, let link = entries[id]?.link {
                link.forgetPrepared(job.work)
                if isAlive && pool.retriesAfterRefusal(id) {
                    handlePool(link.start(job.work, poller), of: id)
                    return
                }
            }
            if error.isQueryCanceled, let reason = pool.stopReason(of: jobID) { outcome = .failure(reason.error) }
        }
        finish(jobID, outcome)
        perform(
            pool.answered(id, succeeded: succeeded, isInTransaction: isInTransaction, isAlive: isAlive, now: now))
    }

    private func finish(_ id: JobID, _ outcome: PostgresJob.Outcome) {
        jobs.removeValue(forKey: id)?.continuation.resume(returning: outcome)
    }

    private func perform(_ actions: [PostgresPool.Action]) {
        for action in actions {
            switch action {
            case .connect(let id): open(id, .pool)
            case .start(let jobID, on: let id):
                guard let job = jobs[jobID], let link = entries[id]?.link else { continue }
                handlePool(link.start(job.work, poller), of: id)
            case .fail(let id, let error): finish(id, .failure(error))
            case .requestCancel(let id): requestCancel(id)
            case .close(let id): close(connection: id)
            }
        }
    }

    private func requestCancel(_ id: ConnectionID) {
        guard let link = entries[id]?.link else { return }
        if let cancel = link.makeCancel() {
            canceller.request(id, cancel)
        } else {
            perform(pool.cancelReturned(id, now: now))
        }
    }
}

/// The reactor's word on the server, for everybody.
final class PostgresReachability: Sendable {
    private let flag = Atomic(false)

    var value: Bool { flag.load(ordering: .relaxed) }

    func set(_ value: Bool) { flag.store(value, ordering: .relaxed) }
}
