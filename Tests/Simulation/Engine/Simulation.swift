import Actors
import Glibc
import Synchronization

/// One run of a simulated world: virtual time, the jobs that may run, and which of them runs next.
///
/// Every simulated process is a `SimulatedNode`, a task executor. All of them share this object, which picks the next
/// job by the tape and moves time only when no job can run. So one tape is one schedule and one history.
///
/// Proof of `@unchecked Sendable`: all state is touched by the thread that made the object only, or adopted it;
/// `enqueued` and `trace` end the process when another thread comes, which is how work that escaped from the simulation
/// is found. What other threads may hand to a shared one lies in a mutex.
package final class Simulation: @unchecked Sendable {
    package enum Outcome: Sendable, Equatable {
        /// `stop` said so, or an invariant failed.
        case stopped
        /// No job and no event is left.
        case quiescent
        case timeBudget, stepBudget
    }

    /// How the next job is picked; itself chosen by the seed, since no single one finds every bug.
    enum Policy: Int {
        case uniform, oldestFirst, newestFirst
        /// Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010) with processes for threads: the one of
        /// the highest priority runs, and at a few steps whoever runs becomes the last.
        case priorities
        case fifo
    }

    /// Steps at which priorities change; a run has some thousands.
    private static let changePoints = 3
    private static let changeSpan = 6_000

    package let tape: Tape
    /// Nanoseconds of virtual time, as the servers see it.
    package private(set) var now: Int64 = 0
    /// Jobs run so far.
    package private(set) var steps = 0
    /// The first invariant that failed.
    package private(set) var failure: String?
    package private(set) var trace: Trace
    /// Called after the job with the number `hookStep`, and returns the next such number: the fault plan's place.
    package var onStep: (() -> Int)?
    package var hookStep = Int.max
    let policy: Policy
    private var changes: [Int] = []
    private var lowestPriority = 0

    private var thread = pthread_self()
    /// Jobs from other threads; nil where there must be none.
    private let inbox: Inbox?
    private var events = EventHeap()
    private var nodes = 0
    private var ready: [(node: SimulatedNode, job: UnownedJob)] = []
    /// Killed processes; their jobs wait for `tearDown`.
    private var graves: [SimulatedNode] = []
    /// Nothing is noted and no time passes any more.
    private var isOver = false

    private final class Inbox: Sendable {
        private let jobs = Mutex<[(node: SimulatedNode, job: UnownedJob)]>([])

        func add(_ job: UnownedJob, on node: SimulatedNode) { jobs.withLock { $0.append((node, job)) } }

        func take() -> [(node: SimulatedNode, job: UnownedJob)] {
            jobs.withLock { jobs in
                defer { jobs = [] }
                return jobs
            }
        }
    }

    /// - Parameter isShared: tasks of other threads may come in; such a run has no one history.
    package init(tape: Tape, fifo: Bool = false, keepsText: Bool = false, isShared: Bool = false) {
        self.tape = tape
        inbox = isShared ? Inbox() : nil
        trace = Trace(keepsText: keepsText)
        policy = fifo ? .fifo : Policy(rawValue: tape.choose(4, .sched)) ?? .uniform
        if policy == .priorities {
            changes = (0..<Self.changePoints).map { _ in tape.choose(Self.changeSpan, .sched) }.sorted(by: >)
        }
    }

    /// From here on the calling thread is the simulation's.
    func adopt() { thread = pthread_self() }

    // MARK: - Time and effects

    /// `action` happens at virtual time `time` (at once, if that is past), unless `isLive` says no or `node` is dead.
    package func at(
        _ time: Int64, node: SimulatedNode? = nil, isLive: (() -> Bool)? = nil, _ action: @escaping () -> Void
    ) {
        guard !isOver else { return }
        let tieBreak = policy == .fifo ? 0 : tape.choose(8, .sched)
        events.push(Event(time: max(time, now), node: node, isLive: isLive, fire: action), tieBreak: tieBreak)
    }

    package func after(_ delay: Duration, _ action: @escaping () -> Void) {
        at(now + delay.nanoseconds, action)
    }

    /// Notes an effect that the world can observe: its name and numbers make the hash; `detail` is for people and made
    /// only when somebody reads it.
    package func record(
        _ name: StaticString, _ subject: UInt64 = 0, _ number: Int = 0, by node: SimulatedNode? = nil,
        detail: @autoclosure () -> String = ""
    ) {
        checkThread("an effect")
        guard !isOver else { return }
        trace.append(name, subject, number, at: now, by: node, detail)
    }

    /// Ends the run: an invariant does not hold. A shared simulation is no world, and has none.
    package func fail(_ message: String) {
        guard failure == nil, !isOver, inbox == nil else { return }
        failure = message
        record("INVARIANT VIOLATED:", detail: message)
    }

    // MARK: - Running

    /// Runs until `stop` holds, nothing is left to do, or a budget is used up. Call it from a synchronous function.
    @discardableResult
    package func run(
        until deadline: Int64 = .max, maximumSteps: Int = 2_000_000, stop: () -> Bool = { false }
    ) -> Outcome {
        EscapeDetector.enter()
        defer { EscapeDetector.leave() }
        while true {
            if failure != nil || stop() { return .stopped }
            if let inbox { ready += inbox.take() }
            if ready.isEmpty {
                guard let time = events.firstTime else { return .quiescent }
                if time > deadline { return .timeBudget }
                guard let event = events.pop() else { return .quiescent }
                if let node = event.node, !node.isAlive { continue }
                if let isLive = event.isLive, !isLive() { continue }
                now = event.time
                event.fire()
            } else {
                let (node, job) = ready.remove(at: pick(ready.count))
                steps += 1
                if let change = changes.last, change <= steps {
                    changes.removeLast()
                    lowestPriority -= 1
                    node.priority = lowestPriority
                }
                job.runSynchronously(on: node.asUnownedTaskExecutor())
                if steps >= hookStep { hookStep = onStep?() ?? .max }
                if steps >= maximumSteps { return .stepBudget }
            }
        }
    }

    private func pick(_ count: Int) -> Int {
        switch policy {
        case .fifo: 0
        case .uniform: tape.choose(count, .sched)
        case .oldestFirst: tape.choose(4, .sched) == 0 ? tape.choose(count, .sched) : 0
        case .newestFirst: tape.choose(4, .sched) == 0 ? tape.choose(count, .sched) : count - 1
        case .priorities: firstOfHighestPriority
        }
    }

    private var firstOfHighestPriority: Int {
        var best = 0
        for index in ready.indices where ready[index].node.priority > ready[best].node.priority { best = index }
        return best
    }

    // MARK: - For the nodes

    func nextNodeNumber() -> Int {
        nodes += 1
        return nodes
    }

    func drawPriority() -> Int { policy == .priorities ? 1 + tape.choose(1 << 16, .sched) : 0 }

    func enqueued(_ job: UnownedJob, on node: SimulatedNode) {
        if let inbox { return inbox.add(job, on: node) }
        checkThread("a job of \(node.name)")
        if node.isPaused || !node.isAlive { node.parked.append(job) } else { ready.append((node, job)) }
    }

    func park(_ node: SimulatedNode) {
        node.parked += ready.filter { $0.node === node }.map(\.job)
        ready.removeAll { $0.node === node }
    }

    func unpark(_ node: SimulatedNode) {
        ready += node.parked.map { (node, $0) }
        node.parked = []
    }

    func bury(_ node: SimulatedNode) {
        park(node)
        graves.append(node)
    }

    /// Gives the run's memory back: breaks the cycles through pending events and hooks, and lets the tasks of killed
    /// processes end, cancelled, in a world that answers nothing and notes nothing.
    package func tearDown() {
        isOver = true
        onStep = nil
        events.removeAll()
        for node in graves { node.cancel() }
        ready += graves.flatMap { node in node.parked.map { (node, $0) } }
        for node in graves { node.rise() }
        EscapeDetector.enter()
        defer { EscapeDetector.leave() }
        var budget = Self.burialBudget
        while let (node, job) = ready.popLast(), budget > 0 {
            job.runSynchronously(on: node.asUnownedTaskExecutor())
            budget -= 1
        }
        ready.removeAll()
        graves.removeAll()
    }

    /// Jobs; what a cancelled task still does is short, or it never ends.
    private static let burialBudget = 50_000

    private func checkThread(_ what: String) {
        guard pthread_equal(pthread_self(), thread) == 0 else { return }
        fatalError("\(what) came from a thread outside the simulation: work has escaped; seed \(tape.seed)")
    }
}

/// Whole nanoseconds; virtual time has no finer grain.
package func nanoseconds(_ duration: Duration) -> Int64 { duration.nanoseconds }
