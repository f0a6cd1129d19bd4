import Actors
import Logging

/// How many take part, drawn by the seed.
package struct WorldShape: Sendable, Equatable {
    /// 1 or 2.
    package let apis: Int
    /// 1 to 3.
    package let workers: Int
    /// 4 to 16.
    package let clips: Int

    package let votes: Int

    init(_ tape: Tape) {
        apis = 1 + tape.choose(2, .workload)
        workers = 1 + tape.choose(3, .workload)
        clips = 4 + tape.choose(13, .workload)
        votes = World.voteCount
    }

    private init(apis: Int, workers: Int, clips: Int, votes: Int) {
        self.apis = apis
        self.workers = workers
        self.clips = clips
        self.votes = votes
    }

    /// For sweeps, which run it once for each of its steps.
    static let small = WorldShape(apis: 1, workers: 1, clips: 2, votes: 3)
}

/// The whole system in one run: API nodes, workers of two slots, players with their clips, voters, a fault plan.
///
/// Faults end at seven virtual minutes, or earlier when all that was wanted is done and no fault is left. After that
/// everything must come to an end in bounded time, then every process must drain in bounded time, and what is left must
/// hold the invariants of a system at rest.
package final class World {
    package static let voterCount = 3
    package static let voteCount = 12
    package static let slots = 2
    static let drainGrace: Duration = .seconds(20)
    /// Longer than any encode that ends.
    static let attemptDeadline: Duration = .seconds(420)
    static let metricsInterval: Duration = .seconds(300)
    /// A lost message, an orphan and a pruned feed are things that a run lives to see.
    static let reconciler = ReconcilerSettings(
        redispatchAfter: .seconds(900), orphanAge: .seconds(600), sweepInterval: .seconds(300),
        feedRetention: .seconds(120))

    package let simulation: Simulation
    package let invariants: Invariants
    package let database: FakeDatabase
    package let jobs: FakeQueue
    package let deadLetters: FakeQueue
    package let store: FakeObjectStore
    package let shape: WorldShape
    package let plan: FaultPlan
    package let metrics = FakeMetricSink()
    let traffic: Traffic
    let people: People
    let players: Players
    let voters: Voters
    let fans: Fans
    let queueService = Service("queue")
    let encoder = Service("encoder")
    let logger: Logger
    let api: APISettings
    var processes: [Process] = []
    var steppedFaults: [FaultPlan.Planned] = []
    /// Planned for a time that has not come.
    var timedFaults = 0
    var crash: Crash?
    package internal(set) var crashed = false
    package internal(set) var kills = 0

    package init(tape: Tape, fifo: Bool = false, crash: Crash? = nil, isSmall: Bool = false, keepsText: Bool = false) {
        let simulation = Simulation(tape: tape, fifo: fifo, keepsText: keepsText)
        self.simulation = simulation
        self.crash = crash
        shape = isSmall ? .small : WorldShape(tape)
        // Looking as often as a node does is half of a run's steps, and nearly all of them see nothing.
        let looksOften = tape.choose(8, .workload) == 7
        api = APISettings(
            reconciler: Self.reconciler, rankingPollInterval: looksOften ? .seconds(1) : .seconds(10),
            outboxPollInterval: looksOften ? .seconds(5) : .seconds(20))
        invariants = Invariants(simulation)
        plan = FaultPlan(tape, processes: shape.apis + shape.workers)
        database = FakeDatabase(simulation, invariants: invariants)
        deadLetters = FakeQueue("dlq", simulation, invariants: invariants, service: queueService, deadLetters: nil)
        jobs = FakeQueue("jobs", simulation, invariants: invariants, service: queueService, deadLetters: deadLetters)
        store = FakeObjectStore(simulation)
        traffic = Traffic(simulation)
        people = People(simulation, database, traffic, players: Players.count, voters: Self.voterCount)
        players = Players(simulation, database, traffic, people)
        voters = Voters(simulation, database, traffic, people)
        fans = Fans(simulation, database, traffic)
        var logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        self.logger = logger
        // A crash is a fault, whatever the plan says.
        invariants.isCalm = plan.isCalm && crash == nil
        invariants.objectExists = { [store] in store.has($0) }
        invariants.row = { [database] in database.videos[$0] }
        processes = [Process("api", .api, in: self)]
        processes += (0..<shape.workers).map { Process("w\($0)", .worker, in: self) }
        processes += (1..<shape.apis).map { Process("api\($0 + 1)", .api, in: self) }
        traffic.entrances = processes.filter { $0.role == .api }
    }

    package func run() {
        simulation.record("plan:", detail: plan.story)
        applyConditions()
        let rushes = (0..<2).map { _ in simulation.tape.nanoseconds(60_000_000_000...300_000_000_000, .workload) }
        people.plan(rushes: rushes)
        players.plan(clips: shape.clips)
        voters.plan(votes: shape.votes, rushes: rushes)
        fans.plan()
        for process in processes { process.start() }
        schedulePlan()
        if !plan.planned.isEmpty || !plan.isCalm {
            _ = advance(for: FaultPlan.endOfFaults) { self.isDone && self.isFaultless }
        }
        heal()
        settle()
        rest()
        agree()
        drain()
        checkMetrics()
    }

    package func tearDown() {
        for process in processes where process.node.isAlive && !process.hasEnded { process.kill() }
        processes = []
        traffic.entrances = []
        invariants.objectExists = { _ in true }
        invariants.row = { _ in nil }
        jobs.tearDown()
        deadLetters.tearDown()
        database.tearDown()
        simulation.tearDown()
    }

    /// Runs in slices of five virtual seconds until `condition` holds, or `bound` nanoseconds are over.
    func advance(for bound: Int64, until condition: () -> Bool) -> Bool {
        let start = simulation.now
        var deadline = start
        while !condition() {
            guard simulation.failure == nil, deadline - start < bound else { return simulation.failure != nil }
            deadline += nanoseconds(.seconds(5))
            let outcome = simulation.run(until: deadline)
            if outcome == .stepBudget { simulation.fail("a busy loop: the step budget is used up") }
        }
        return true
    }
}
