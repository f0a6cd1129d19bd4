package typealias ConnectionID = UInt64
package typealias JobID = UInt64

extension PostgresPool.Connection {
    var runningJob: JobID? {
        switch state {
        case .running(let job): job
        case .cancelling(let job, _, _): job
        case .connecting, .idle, .leased: nil
        }
    }
}

extension PostgresPool {
    /// Everything whose time has come.
    package mutating func timersFired(jitter: Double, now: Instant) -> [Action] {
        guard let due = nextTimer, due <= now else { return [] }
        var actions: [Action] = []
        for (id, job) in jobs.sorted(by: { $0.key < $1.key }) where stopInstant(of: job) <= now {
            actions += stop(id, .deadline, now: now)
        }
        for id in connections.keys.sorted() {
            switch connections[id]?.state {
            case .connecting(let until) where until <= now:
                actions.append(.close(id))
                actions += connectFailed(id, reason: "no connection in time", jitter: jitter, now: now)
            case .cancelling(let job, _, let until) where until <= now:
                if let job { actions.append(end(job, wasSent: true, reason: "")) }
                actions += drop(id, now: now)
            default: break
            }
        }
        actions += openWhereNeeded(now: now)
        nextTimer = earliestTimer(now: now)
        return actions
    }

    private func earliestTimer(now: Instant) -> Instant? {
        var timers = jobs.values.lazy.filter { $0.stop == nil }.map(stopInstant).min()
        func consider(_ instant: Instant) { timers = timers.map { Swift.min($0, instant) } ?? instant }
        for connection in connections.values {
            switch connection.state {
            case .connecting(let until), .cancelling(_, _, let until): consider(until)
            case .idle, .running, .leased: break
            }
        }
        if let retryAt = backOff.retryAt, retryAt > now { consider(retryAt) }
        return timers
    }

    /// When a job is stopped: at its deadline, or earlier while it waits for a server that is away.
    private func stopInstant(of job: Job) -> Instant {
        isAway && job.connection == nil ? Swift.min(job.deadline, job.patienceEnd) : job.deadline
    }

    mutating func arm(_ instant: Instant) {
        nextTimer = nextTimer.map { Swift.min($0, instant) } ?? instant
    }

    /// Gives a connection that has nothing to do its next job, or rest.
    mutating func settle(_ id: ConnectionID, now: Instant) -> [Action] {
        guard var connection = connections[id] else { return [] }
        guard !isShuttingDown else { return drop(id, now: now) }
        let next = connection.lease == nil ? nextWaiting() : connection.queue.popFirst()
        if let next {
            jobs[next]?.connection = id
            connection.state = .running(next)
        } else if connection.lease == nil {
            connection.state = .idle
            idle.append(id)
        } else {
            connection.state = .leased
        }
        connections[id] = connection
        return next.map { [.start($0, on: id)] } ?? []
    }

    private mutating func nextWaiting() -> JobID? {
        while let id = waiting.popFirst() {
            guard let job = jobs[id], job.connection == nil else { continue }
            waitingCount -= 1
            return id
        }
        return nil
    }

    /// Keeps the queue's size within twice the number of those who really wait.
    mutating func compactWaiting() {
        guard waiting.count > 2 * waitingCount + 16 else { return }
        waiting.removeAll { jobs[$0] == nil || jobs[$0]?.connection != nil }
    }

    /// Connections for those who wait. While the server does not answer: one attempt at a time, also when nobody
    /// waits, so that its return is noticed.
    mutating func openWhereNeeded(now: Instant) -> [Action] {
        guard !isShuttingDown else { return [] }
        if let retryAt = backOff.retryAt, retryAt > now { return [] }
        let connecting = connections.values.count { if case .connecting = $0.state { true } else { false } }
        let wanted = isReachable ? waitingCount : 1
        let count = Swift.min(wanted - connecting, limits.connections - connections.count)
        guard count > 0 else { return [] }
        let until = now.advanced(by: limits.connectTimeout)
        arm(until)
        return (0..<count).map { _ in
            let id = nextConnectionID
            nextConnectionID += 1
            connections[id] = Connection(state: .connecting(until: until))
            return .connect(id)
        }
    }

    /// Removes a connection. Who waits for it within a lease cannot go on.
    mutating func drop(_ id: ConnectionID, now: Instant) -> [Action] {
        guard var connection = connections.removeValue(forKey: id) else { return [] }
        idle.removeAll { $0 == id }
        if let lease = connection.lease { leases[lease] = nil }
        return [.close(id)] + failLate(&connection) + openWhereNeeded(now: now)
    }

    /// Fails what waits at a connection for a lease that has ended.
    mutating func failLate(_ connection: inout Connection) -> [Action] {
        defer { connection.queue = [] }
        return connection.queue.map { job in
            jobs[job] = nil
            return .fail(job, .connectionLost(mayHaveCommitted: false))
        }
    }

    func retries(_ id: JobID, wasSent: Bool) -> Bool {
        guard let job = jobs[id], job.stop == nil, !job.wasRetried, !isShuttingDown else { return false }
        switch job.lease {
        case .none: return !wasSent
        // A BEGIN has no effect that outlives its connection.
        case .open: return true
        case .within, .close: return false
        }
    }

    mutating func requeue(_ id: JobID) {
        jobs[id]?.wasRetried = true
        jobs[id]?.connection = nil
        waiting.prepend(id)
        waitingCount += 1
    }

    /// Ends a job whose connection has ended.
    mutating func end(_ id: JobID, wasSent: Bool, reason: String) -> Action {
        guard let job = jobs.removeValue(forKey: id) else {
            return .fail(id, .connectionLost(mayHaveCommitted: true))
        }
        switch job.lease {
        case .none where wasSent: return .fail(id, .connectionLost(mayHaveCommitted: true))
        case .none, .open: return .fail(id, job.stop?.error ?? .unavailable(reason))
        case .within: return .fail(id, .connectionLost(mayHaveCommitted: false))
        case .close(_, let commits): return .fail(id, .connectionLost(mayHaveCommitted: commits && wasSent))
        }
    }

    /// For a job that was never sent: the outage is the better news where there is one.
    func waitingError(_ reason: StopReason) -> PostgresError {
        guard reason == .deadline, let failure = backOff.lastFailure else { return reason.error }
        return .unavailable(failure)
    }
}
