import Testing
import Transport

/// The pool's decisions, without a server and without time.
@Suite("The decisions of a PostgreSQL pool")
struct PostgresPoolTests {
    private let now = ContinuousClock.now
    private var later: ContinuousClock.Instant { now.advanced(by: .seconds(60)) }

    private func makePool(connections: Int = 1, waiters: Int = 10, patience: Duration = .seconds(3)) -> PostgresPool {
        var pool = PostgresPool(
            limits: .init(
                connections: connections, waiters: waiters, connectTimeout: .seconds(5), cancelGrace: .seconds(5),
                outagePatience: patience))
        _ = pool.started(now: now)
        _ = pool.connected(0, now: now)
        return pool
    }

    private func answer(_ pool: inout PostgresPool, _ id: ConnectionID, isInTransaction: Bool = false)
        -> [PostgresPool.Action]
    {
        pool.answered(id, succeeded: true, isInTransaction: isInTransaction, isAlive: true, now: now)
    }

    @Test("a connection is used again only when the answer is drained and the cancel request has returned")
    func cancelling() {
        for requestReturnsFirst in [true, false] {
            var pool = makePool()
            #expect(pool.submit(1, lease: .none, deadline: later, now: now) == [.start(1, on: 0)])
            #expect(pool.submit(2, lease: .none, deadline: later, now: now) == [])
            #expect(pool.stop(1, .cancelled, now: now) == [.requestCancel(0)])
            #expect(pool.stop(1, .deadline, now: now) == [])
            if requestReturnsFirst {
                #expect(pool.cancelReturned(0, now: now) == [])
                #expect(answer(&pool, 0) == [.start(2, on: 0)])
            } else {
                #expect(answer(&pool, 0) == [])
                #expect(pool.cancelReturned(0, now: now) == [.start(2, on: 0)])
            }
        }
    }

    @Test("a connection that does not stop in time is given up, and its caller told that the effect is unknown")
    func cancelTakesTooLong() {
        var pool = makePool()
        _ = pool.submit(1, lease: .none, deadline: now.advanced(by: .seconds(1)), now: now)
        #expect(pool.timersFired(jitter: 0, now: now.advanced(by: .seconds(1))) == [.requestCancel(0)])
        let end = now.advanced(by: .seconds(6))
        #expect(pool.nextTimer == end)
        let actions = pool.timersFired(jitter: 0, now: end)
        #expect(actions == [.fail(1, .connectionLost(mayHaveCommitted: true)), .close(0)])
    }

    @Test("who waits for a server that is away is told after the patience, who waits for a busy one at the deadline")
    func outage() {
        var pool = makePool()
        _ = pool.submit(1, lease: .none, deadline: later, now: now)
        _ = pool.submit(2, lease: .none, deadline: later, now: now)
        let soon = now.advanced(by: .seconds(4))
        #expect(pool.timersFired(jitter: 0, now: soon) == [])
        #expect(
            pool.lost(0, reason: "gone", wasSent: true, now: soon).first
                == .fail(1, .connectionLost(mayHaveCommitted: true)))
        _ = pool.submit(3, lease: .none, deadline: later, now: soon)
        #expect(pool.connectFailed(1, reason: "refused", jitter: 0, now: soon) == [])
        #expect(pool.nextTimer == soon)
        let told = pool.timersFired(jitter: 0, now: soon)
        #expect(told == [.fail(2, .unavailable("refused"))])
        let end = soon.advanced(by: .seconds(3))
        #expect(pool.timersFired(jitter: 0, now: end).contains(.fail(3, .unavailable("refused"))))
        _ = pool.submit(4, lease: .none, deadline: later, now: end)
        #expect(pool.connected(2, now: end) == [.start(4, on: 2)])
        #expect(
            pool.timersFired(jitter: 0, now: end.advanced(by: .seconds(30))) == [], "what runs has its whole deadline")
    }

    @Test("a server that refuses a further connection, and answers on those it has, is not away")
    func refusedBeyond() {
        var pool = makePool(connections: 2)
        _ = pool.submit(1, lease: .none, deadline: later, now: now)
        #expect(pool.submit(2, lease: .none, deadline: later, now: now) == [.connect(1)])
        _ = pool.submit(3, lease: .none, deadline: later, now: now)
        _ = pool.connectFailed(1, reason: "too many clients", jitter: 0, now: now)
        #expect(answer(&pool, 0) == [.start(2, on: 0)])
        let told = pool.timersFired(jitter: 0, now: now.advanced(by: .seconds(4)))
        #expect(!told.contains { if case .fail = $0 { true } else { false } }, "\(told)")
    }

    @Test("a statement that was not sent is tried once on another connection, then refused")
    func retry() {
        var pool = makePool()
        _ = pool.submit(1, lease: .none, deadline: later, now: now)
        #expect(pool.lost(0, reason: "gone", wasSent: false, now: now) == [.close(0), .connect(1)])
        #expect(pool.connected(1, now: now) == [.start(1, on: 1)])
        let actions = pool.lost(1, reason: "gone", wasSent: false, now: now)
        #expect(actions == [.fail(1, .unavailable("gone")), .close(1), .connect(2)])
    }

    @Test("a statement that may have been sent is never repeated")
    func noRetry() {
        var pool = makePool()
        _ = pool.submit(1, lease: .none, deadline: later, now: now)
        let actions = pool.lost(0, reason: "gone", wasSent: true, now: now)
        #expect(actions.first == .fail(1, .connectionLost(mayHaveCommitted: true)))
    }

    @Test("of a transaction only a lost COMMIT may have committed")
    func lostTransaction() {
        for (use, mayHaveCommitted) in [
            (PostgresPool.LeaseUse.within(1), false), (.close(1, commits: false), false),
            (.close(1, commits: true), true),
        ] {
            var pool = makePool()
            _ = pool.submit(1, lease: .open, deadline: later, now: now)
            #expect(answer(&pool, 0, isInTransaction: true) == [])
            #expect(pool.submit(2, lease: use, deadline: later, now: now) == [.start(2, on: 0)])
            #expect(pool.submit(3, lease: .within(1), deadline: later, now: now) == [])
            let actions = pool.lost(0, reason: "", wasSent: true, now: now)
            #expect(actions.contains(.fail(2, .connectionLost(mayHaveCommitted: mayHaveCommitted))))
            #expect(actions.contains(.fail(3, .connectionLost(mayHaveCommitted: false))))
            let late = pool.submit(4, lease: .within(1), deadline: later, now: now)
            #expect(late == [.fail(4, .connectionLost(mayHaveCommitted: false))])
        }
    }

    @Test("callers are served in their order, and a leased connection serves only its transaction")
    func order() {
        var pool = makePool()
        _ = pool.submit(1, lease: .open, deadline: later, now: now)
        for job: JobID in 2...4 { #expect(pool.submit(job, lease: .none, deadline: later, now: now) == []) }
        #expect(answer(&pool, 0, isInTransaction: true) == [])
        #expect(pool.stop(3, .cancelled, now: now) == [.fail(3, .cancelled)])
        _ = pool.submit(5, lease: .close(1, commits: true), deadline: later, now: now)
        #expect(answer(&pool, 0) == [.start(2, on: 0)])
        #expect(answer(&pool, 0) == [.start(4, on: 0)])
        #expect(answer(&pool, 0) == [])
        #expect(pool.idle == [0])
    }

    @Test("connections are opened for those who wait, up to the limit, and callers beyond the bound are refused")
    func bounds() {
        var pool = makePool(connections: 2, waiters: 2)
        #expect(pool.submit(1, lease: .none, deadline: later, now: now) == [.start(1, on: 0)])
        #expect(pool.submit(2, lease: .none, deadline: later, now: now) == [.connect(1)])
        #expect(pool.submit(3, lease: .none, deadline: later, now: now) == [])
        #expect(pool.submit(4, lease: .none, deadline: later, now: now) == [.fail(4, .overloaded)])
    }

    @Test("while the server is away there is one attempt at a time, at growing distances up to two seconds")
    func backOff() {
        var pool = makePool(connections: 4, patience: .seconds(60))
        #expect(pool.lost(0, reason: "gone", wasSent: false, now: now) == [.close(0), .connect(1)])
        for job: JobID in 1...3 { #expect(pool.submit(job, lease: .none, deadline: later, now: now) == []) }
        var time = now
        var delays: [Duration] = []
        for attempt: ConnectionID in 1...7 {
            #expect(pool.connectFailed(attempt, reason: "in recovery", jitter: 0, now: time) == [])
            let retryAt = pool.backOff.retryAt ?? time
            delays.append(time.duration(to: retryAt))
            time = retryAt
            #expect(pool.timersFired(jitter: 0, now: time) == [.connect(attempt + 1)])
        }
        #expect(delays == [50, 100, 200, 400, 800, 1600, 2000].map { .milliseconds($0) })
        #expect(pool.stop(1, .deadline, now: time) == [.fail(1, .unavailable("in recovery"))])
        #expect(pool.connected(8, now: time) == [.start(2, on: 8), .connect(9)])
    }

    @Test("shutting down refuses who waits, stops what runs, and is finished when that has ended")
    func shutDown() {
        var pool = makePool()
        _ = pool.submit(1, lease: .none, deadline: later, now: now)
        _ = pool.submit(2, lease: .none, deadline: later, now: now)
        let actions = pool.shutDown(now: now)
        #expect(actions == [.fail(2, .unavailable("the client is shut down")), .requestCancel(0)])
        #expect(answer(&pool, 0) == [])
        #expect(!pool.isFinished)
        #expect(pool.cancelReturned(0, now: now) == [.close(0)])
        #expect(pool.isFinished)
    }

    @Test("a queue whose callers give up does not grow")
    func compaction() {
        var pool = makePool(waiters: 4)
        _ = pool.submit(1, lease: .none, deadline: later, now: now)
        for job: JobID in 2...1000 {
            _ = pool.submit(job, lease: .none, deadline: later, now: now)
            _ = pool.stop(job, .cancelled, now: now)
        }
        #expect(pool.waiting.count < 40)
    }
}
