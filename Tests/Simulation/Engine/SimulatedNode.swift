/// One simulated process: the executor that all its tasks prefer.
///
/// A killed node's jobs are dropped, so no `defer`, `catch` or cancellation handler of it runs, as after kill -9. What it
/// had asked of a server still takes effect there.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class SimulatedNode: TaskExecutor, @unchecked Sendable {
    package let name: String
    /// From 1, in the order of making.
    package let number: Int
    package let simulation: Simulation
    package private(set) var isAlive = true
    package private(set) var isPaused = false
    /// It was told to end, or its tasks were cancelled.
    package var isEnding = false
    /// Virtual nanoseconds.
    package private(set) var resumedAt = Int64.min / 2
    /// How far its monotonic clock is ahead of virtual time, in nanoseconds: its origin is its own.
    package var skew: Int64 = 0
    /// How far its date is ahead of the servers', in nanoseconds.
    package var wallSkew: Int64 = 0
    /// Its date was off by more than a minute at some time.
    package var dateJumped = false
    /// Main functions that have not returned.
    package var runningMains: Int { mains.count }
    var parked: [UnownedJob] = []
    private var mains: [Int: Task<Void, Never>] = [:]
    private var started = 0
    /// Among processes whose jobs may run; see `Simulation.Policy.priorities`.
    var priority: Int

    package init(_ name: String, in simulation: Simulation) {
        self.name = name
        self.simulation = simulation
        number = simulation.nextNodeNumber()
        priority = simulation.drawPriority()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        simulation.enqueued(UnownedJob(job), on: self)
    }

    /// Starts `main` as a root task of this process.
    package func start(_ main: @escaping @Sendable () async -> Void) {
        started += 1
        let number = started
        mains[number] = Task.detached(executorPreference: self) {
            await main()
            self.mains[number] = nil
        }
    }

    /// Cancels all that it runs, in the order of starting.
    func cancel() {
        for number in mains.keys.sorted() { mains[number]?.cancel() }
    }

    func rise() {
        isAlive = true
        parked = []
    }

    /// kill -9.
    package func kill() {
        isAlive = false
        isPaused = false
        simulation.record("killed", by: self)
        simulation.bury(self)
    }

    /// SIGSTOP, a long garbage collection, a frozen virtual machine.
    package func pause() {
        guard isAlive, !isPaused else { return }
        isPaused = true
        simulation.record("paused", by: self)
        simulation.park(self)
    }

    package func resume() {
        guard isAlive, isPaused else { return }
        isPaused = false
        resumedAt = simulation.now
        simulation.record("resumed", by: self)
        simulation.unpark(self)
    }
}
