import DequeModule

/// Which connection does what, and who waits: decisions only, no I/O and no clock.
///
/// Every event returns the actions that the reactor carries out, in order. A job is one statement or script. Jobs wait
/// in one queue, first come first served; a transaction's jobs wait at their connection. At most `limits.connections`
/// connections exist and at most `limits.waiters` jobs wait in the common queue.
package struct PostgresPool {
    package typealias Instant = ContinuousClock.Instant

    package struct Limits {
        package var connections: Int
        package var waiters: Int
        package var connectTimeout: Duration
        package var cancelGrace: Duration
        package var outagePatience: Duration

        package init(
            connections: Int, waiters: Int, connectTimeout: Duration, cancelGrace: Duration, outagePatience: Duration
        ) {
            self.connections = connections
            self.waiters = waiters
            self.connectTimeout = connectTimeout
            self.cancelGrace = cancelGrace
            self.outagePatience = outagePatience
        }
    }

    package enum Action: Equatable {
        case connect(ConnectionID)
        case start(JobID, on: ConnectionID)
        case fail(JobID, PostgresError)
        /// Ask the server, by a connection of its own, to stop what this connection runs.
        case requestCancel(ConnectionID)
        case close(ConnectionID)
    }

    /// What a job does to the exclusive use of a connection. A lease has the id of the job that opened it.
    package enum LeaseUse: Equatable {
        case none
        case open
        case within(JobID)
        case close(JobID, commits: Bool)
    }

    package enum StopReason: Equatable {
        case cancelled
        case deadline

        var error: PostgresError { self == .deadline ? .deadlineExceeded : .cancelled }
    }

    package struct Job {
        var lease: LeaseUse
        var deadline: Instant
        /// Until when it waits for a connection while the server is away.
        var patienceEnd: Instant
        var stop: StopReason?
        var wasRetried = false
        var connection: ConnectionID?
    }

    package struct Connection {
        package enum State: Equatable {
            case connecting(until: Instant)
            case idle
            case running(JobID)
            /// Held by a transaction that runs nothing.
            case leased
            /// A stop was asked for. Usable again when the answer is drained **and** the request has returned: a
            /// request under way may hit the next statement (measured: 3 % of them).
            case cancelling(JobID?, requestReturned: Bool, until: Instant)
        }

        var state: State
        var lease: JobID?
        var queue: Deque<JobID> = []
    }

    package let limits: Limits
    var jobs: [JobID: Job] = [:]
    /// In queue order; may hold jobs that have gone.
    package internal(set) var waiting: Deque<JobID> = []
    var waitingCount = 0
    package internal(set) var connections: [ConnectionID: Connection] = [:]
    /// The one used last is used next, so that a small load keeps few connections warm.
    package internal(set) var idle: [ConnectionID] = []
    var leases: [JobID: ConnectionID] = [:]
    package internal(set) var backOff = PostgresBackOff()
    var nextConnectionID: ConnectionID = 0
    var isShuttingDown = false
    /// Whether the last attempt to connect or the last answer was good.
    package internal(set) var isReachable = false
    /// No timer is due before this instant; it may be too early, never too late.
    package internal(set) var nextTimer: Instant?

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Whether an attempt to connect has failed, and nothing has answered since.
    var isAway: Bool { backOff.lastFailure != nil && !isReachable }

    package var isFinished: Bool { isShuttingDown && connections.isEmpty && jobs.isEmpty }

    func stopReason(of job: JobID) -> StopReason? { jobs[job]?.stop }

    /// The first connection is opened at once: whether the server is there is known before the first caller asks.
    package mutating func started(now: Instant) -> [Action] {
        openWhereNeeded(now: now)
    }

    package mutating func submit(_ id: JobID, lease: LeaseUse, deadline: Instant, now: Instant) -> [Action] {
        guard !isShuttingDown else { return [.fail(id, .unavailable("the client is shut down"))] }
        var job = Job(lease: lease, deadline: deadline, patienceEnd: now.advanced(by: limits.outagePatience))
        switch lease {
        case .within(let lease), .close(let lease, _):
            guard let connection = leases[lease], var entry = connections[connection] else {
                return [.fail(id, .connectionLost(mayHaveCommitted: false))]
            }
            job.connection = connection
            jobs[id] = job
            arm(deadline)
            entry.queue.append(id)
            connections[connection] = entry
            return entry.state == .leased ? settle(connection, now: now) : []
        case .none, .open:
            if idle.isEmpty && waitingCount >= limits.waiters { return [.fail(id, .overloaded)] }
            jobs[id] = job
            arm(isAway ? min(deadline, job.patienceEnd) : deadline)
            waiting.append(id)
            waitingCount += 1
            if let connection = idle.popLast() { return settle(connection, now: now) }
            return openWhereNeeded(now: now)
        }
    }

    package mutating func connected(_ id: ConnectionID, now: Instant) -> [Action] {
        guard connections[id] != nil else { return [] }
        backOff.succeeded()
        isReachable = true
        return settle(id, now: now) + openWhereNeeded(now: now)
    }

    /// `jitter` is random, from 0 to 1.
    package mutating func connectFailed(_ id: ConnectionID, reason: String, jitter: Double, now: Instant) -> [Action] {
        guard connections.removeValue(forKey: id) != nil else { return [] }
        isReachable = false
        arm(backOff.failed(reason, jitter: jitter, now: now))
        for job in jobs.values where job.connection == nil { arm(max(now, job.patienceEnd)) }
        return []
    }

    /// The running job has its whole answer, which the reactor has handed over.
    ///
    /// - Parameter isReusable: alive, and outside a transaction block unless a lease holds it.
    package mutating func answered(
        _ id: ConnectionID,
        succeeded: Bool,
        isInTransaction: Bool,
        isAlive: Bool,
        now: Instant,
    ) -> [Action] {
        guard var connection = connections[id], let jobID = connection.runningJob,
            let job = jobs.removeValue(forKey: jobID)
        else { return [] }
        isReachable = isAlive
        var actions: [Action] = []
        switch job.lease {
        case .open where succeeded && isInTransaction:
            connection.lease = jobID
            leases[jobID] = id
        case .close(let lease, _):
            connection.lease = nil
            leases[lease] = nil
            actions += failLate(&connection)
        default: break
        }
        if case .cancelling(_, requestReturned: false, let until) = connection.state {
            connection.state = .cancelling(nil, requestReturned: false, until: until)
        } else {
            connection.state = .leased
        }
        connections[id] = connection
        guard isAlive, connection.lease != nil || !isInTransaction else { return actions + drop(id, now: now) }
        return connection.state == .leased ? actions + settle(id, now: now) : actions
    }

    /// The stopping request is no longer under way, whatever became of it.
    package mutating func cancelReturned(_ id: ConnectionID, now: Instant) -> [Action] {
        guard case .cancelling(let job, _, let until) = connections[id]?.state else { return [] }
        guard job == nil else {
            connections[id]?.state = .cancelling(job, requestReturned: true, until: until)
            return []
        }
        return settle(id, now: now)
    }

    /// The connection has ended. `wasSent` says whether the running statement may have reached the server.
    package mutating func lost(_ id: ConnectionID, reason: String, wasSent: Bool, now: Instant) -> [Action] {
        guard let connection = connections[id] else { return [] }
        isReachable = false
        let job = connection.runningJob
        if let job, retries(job, wasSent: wasSent) {
            connections[id]?.state = .leased
            requeue(job)
            let actions = drop(id, now: now)
            return idle.popLast().map { actions + settle($0, now: now) } ?? actions
        }
        return (job.map { [end($0, wasSent: wasSent, reason: reason)] } ?? []) + drop(id, now: now)
    }

    /// The server no longer knows the prepared statement; nothing was executed. True: the job runs once more, the
    /// answer is not for the caller.
    package mutating func retriesAfterRefusal(_ id: ConnectionID) -> Bool {
        guard let job = connections[id]?.runningJob, case .running = connections[id]?.state,
            jobs[job]?.lease == LeaseUse.none, jobs[job]?.wasRetried == false
        else { return false }
        jobs[job]?.wasRetried = true
        return true
    }

    package mutating func stop(_ id: JobID, _ reason: StopReason, now: Instant) -> [Action] {
        guard let job = jobs[id], job.stop == nil else { return [] }
        guard let connectionID = job.connection, var connection = connections[connectionID] else {
            jobs[id] = nil
            waitingCount -= 1
            compactWaiting()
            return [.fail(id, waitingError(reason))]
        }
        guard connection.runningJob == id else {
            jobs[id] = nil
            connections[connectionID]?.queue.removeAll { $0 == id }
            return [.fail(id, reason.error)]
        }
        jobs[id]?.stop = reason
        let until = now.advanced(by: limits.cancelGrace)
        connection.state = .cancelling(id, requestReturned: false, until: until)
        connections[connectionID] = connection
        arm(until)
        return [.requestCancel(connectionID)]
    }

    /// Refuses who waits, stops what runs, closes the rest. Finished when `isFinished`.
    package mutating func shutDown(now: Instant) -> [Action] {
        guard !isShuttingDown else { return [] }
        isShuttingDown = true
        var actions: [Action] = []
        for job in jobs.filter({ $0.value.connection == nil }).keys.sorted() {
            jobs[job] = nil
            actions.append(.fail(job, .unavailable("the client is shut down")))
        }
        waiting = []
        waitingCount = 0
        for id in connections.keys.sorted() {
            switch connections[id]?.state {
            case .running(let job): actions += stop(job, .cancelled, now: now)
            case .cancelling, nil: break
            case .connecting, .idle, .leased: actions += drop(id, now: now)
            }
        }
        return actions
    }
}
