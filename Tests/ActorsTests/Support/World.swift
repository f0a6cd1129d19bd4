import Actors
import Synchronization
import Testing

/// One thread, one queue: what a test starts runs only inside `settle()` and `advance(_:)`, until every task waits for
/// the clock or for a gate. So a test sees each moment in full, and never waits for real time.
final class World: Sendable {
    let clock = ManualClock()
    private let executor: QueueExecutor
    private let cancels = Mutex<[@Sendable () -> Void]>([])

    /// Far more jobs than any scenario needs: a busy loop ends here instead of hanging the test.
    private static let jobLimit = 200_000

    /// With a seed, jobs that could run at the same moment run in an order drawn from it; else in the order they came.
    init(seed: UInt64? = nil) {
        executor = QueueExecutor(random: seed.map(SeededRandom.init))
    }

    deinit {
        for cancel in cancels.withLock({ $0 }) { cancel() }
        executor.drain(limit: Self.jobLimit)
    }

    /// Starts the body and lets everything run until it waits.
    @discardableResult
    func start<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Running<Value> {
        let running = Running<Value>()
        let task = Task(executorPreference: executor) { running.finish(await body()) }
        running.onCancel { task.cancel() }
        cancels.withLock { $0.append { task.cancel() } }
        settle()
        return running
    }

    /// The value of a body that needs neither time nor a gate.
    func value<Value: Sendable>(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: @escaping @Sendable () async -> Value
    ) throws -> Value {
        try #require(start(body).value, "the call still waits", sourceLocation: sourceLocation)
    }

    func settle(sourceLocation: SourceLocation = #_sourceLocation) {
        if !executor.drain(limit: Self.jobLimit) {
            Issue.record("a busy loop: work goes on without waiting", sourceLocation: sourceLocation)
        }
    }

    /// Time passes; each sleeper wakes at its own moment.
    func advance(_ duration: Duration, sourceLocation: SourceLocation = #_sourceLocation) {
        settle(sourceLocation: sourceLocation)
        let target = clock.now.advanced(by: duration)
        while clock.wakeNext(before: target) { settle(sourceLocation: sourceLocation) }
        settle(sourceLocation: sourceLocation)
    }
}

/// What became of a body that was started.
final class Running<Value: Sendable>: Sendable {
    private let result = Mutex<Value?>(nil)
    private let cancelTask = Mutex<(@Sendable () -> Void)?>(nil)

    /// Nil while it runs.
    var value: Value? { result.withLock { $0 } }
    var isOver: Bool { value != nil }

    func cancel() { cancelTask.withLock { $0 }?() }
    func finish(_ value: Value) { result.withLock { $0 = value } }
    func onCancel(_ body: @escaping @Sendable () -> Void) { cancelTask.withLock { $0 = body } }
}

/// Runs jobs only when it is drained.
private final class QueueExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let random: SeededRandom?

    init(random: SeededRandom?) { self.random = random }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// - Returns: false when the limit was reached while there was still work.
    @discardableResult
    func drain(limit: Int) -> Bool {
        for _ in 0..<limit {
            let next = jobs.withLock { jobs in
                jobs.isEmpty ? nil : jobs.remove(at: random?.below(jobs.count) ?? 0)
            }
            guard let next else { return true }
            next.runSynchronously(on: asUnownedTaskExecutor())
        }
        return false
    }
}

/// A clock that stands still until it is told to move.
final class ManualClock: NodeClock {
    private struct State {
        var now = MonotonicInstant(nanoseconds: 1_000_000_000)
        var nextID = 0
        var sleepers: [Int: (deadline: MonotonicInstant, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var cancelled: Set<Int> = []
    }
    private let state = Mutex(State())

    var now: MonotonicInstant { state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let known: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if deadline <= state.now { return .success(()) }
                    state.sleepers[id] = (deadline, continuation)
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: id)
                if sleeper == nil { state.cancelled.insert(id) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves to the next deadline up to `target` and wakes who waits for it; else moves to `target`.
    /// - Returns: whether anybody woke.
    func wakeNext(before target: MonotonicInstant) -> Bool {
        let due = state.withLock { state in
            guard let next = state.sleepers.values.map(\.deadline).min(), next <= target else {
                state.now = target
                return [CheckedContinuation<Void, any Error>]()
            }
            state.now = next
            let ids = state.sleepers.filter { $0.value.deadline == next }.keys.sorted()
            return ids.compactMap { state.sleepers.removeValue(forKey: $0)?.continuation }
        }
        for continuation in due { continuation.resume() }
        return !due.isEmpty
    }
}

/// Holds a port's answer back until the test opens it, or its caller is cancelled.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var nextID = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var cancelled: Set<Int> = []
    }
    private let state = Mutex(State())

    var waiting: Int { state.withLock { $0.waiting.count } }

    /// - Returns: whether it was opened.
    @discardableResult
    func pass() async -> Bool {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isKnown = state.withLock { state in
                    if state.isOpen || state.cancelled.remove(id) != nil { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if isKnown { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiting.removeValue(forKey: id)
                if waiter == nil { state.cancelled.insert(id) }
                return waiter
            }
            waiter?.resume()
        }
        return state.withLock { $0.isOpen }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiter in waiters { waiter.resume() }
    }
}
