import Actors
import Logging

/// The whole system in one run: an API node, two workers of two slots, twenty videos, a fault plan.
///
/// Faults end at ten virtual minutes. After that everything must come to an end in bounded time, then every process must
/// drain in bounded time, and what is left must hold the invariants of a system at rest.
package final class World {
    package static let videoCount = 20
    package static let slots = 2

    package let simulation: Simulation
    package let invariants: Invariants
    package let database: FakeDatabase
    package let jobs: FakeQueue
    package let deadLetters: FakeQueue
    package let store: FakeObjectStore
    package let plan: FaultPlan
    let queueService = Service("queue")
    let logger: Logger
    private var processes: [Process] = []
    private var steppedFaults: [FaultPlan.Planned] = []
    private var ids: [VideoID] = []
    package private(set) var kills = 0

    package init(tape: Tape, fifo: Bool = false) {
        let simulation = Simulation(tape: tape, fifo: fifo)
        self.simulation = simulation
        invariants = Invariants(simulation)
        plan = FaultPlan(tape)
        database = FakeDatabase(simulation, invariants: invariants)
        deadLetters = FakeQueue("dlq", simulation, invariants: invariants, service: queueService, deadLetters: nil)
        jobs = FakeQueue("jobs", simulation, invariants: invariants, service: queueService, deadLetters: deadLetters)
        store = FakeObjectStore(simulation)
        var logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        self.logger = logger
        invariants.isCalm = plan.isCalm
        invariants.objectExists = { [store] in store.has($0) }
        invariants.row = { [database] in database.videos[$0] }
        processes = [
            Process("api", .api, in: self), Process("w0", .worker, in: self), Process("w1", .worker, in: self),
        ]
    }

    // MARK: - One run

    package func run() {
        simulation.record("plan: \(plan.story)")
        applyConditions()
        createVideos()
        for process in processes { process.start() }
        schedulePlan()
        if !plan.isCalm { simulation.run(until: FaultPlan.endOfFaults) }
        heal()
        settle()
        rest()
        drain()
    }

    package func tearDown() {
        for process in processes where process.node.isAlive && !process.hasEnded { process.kill() }
        processes = []
        invariants.objectExists = { _ in true }
        invariants.row = { _ in nil }
        jobs.tearDown()
        deadLetters.tearDown()
        database.tearDown()
        simulation.tearDown()
    }

    private func applyConditions() {
        for service in [database.service, queueService, store.service] {
            service.conditions.lostRequests = plan.lostRequests
            service.conditions.lostAnswers = plan.lostAnswers
            service.conditions.late = plan.late
        }
        database.lostAnnouncements = plan.isCalm ? 0 : 100
        jobs.doubled = plan.doubled
        jobs.stillVisible = plan.stillVisible
        jobs.abandonedPolls = plan.isCalm ? 0 : 500
    }

    private func createVideos() {
        let tape = simulation.tape
        let source = IdentifierSource(random: SimulatedRandom(simulation))
        let owner = source.make(User.self)
        // A trickle, or all at once, so that messages wait for a slot.
        let span: Duration = tape.choose(2, .workload) == 0 ? .seconds(300) : .seconds(10)
        for number in 0..<Self.videoCount {
            let id = source.make(Video.self)
            ids.append(id)
            let kind: ClipKind =
                switch tape.choose(8, .workload) {
                case 6: .poison
                case 7: .flaky(failures: 1 + tape.choose(3, .workload))
                default: .healthy
                }
            invariants.register(id, label: "v\(number)", kind: kind)
            let key = ObjectKey.original(id, fileExtension: "mp4")
            let video = NewVideo(
                id: id, owner: owner, title: "v\(number)",
                original: OriginalObject(
                    key: key, contentType: "video/mp4", sizeBytes: 1_000_000, sha256: "", duration: .seconds(20)))
            let time = nanoseconds(tape.duration(.zero...span, .workload))
            simulation.at(time) {
                self.store.put(Content(video: id, sizeBytes: 1_000_000), at: key)
                _ = self.database.create(video, maximumPerPlayer: 200)
                self.simulation.record("v\(number) uploaded: \(kind)")
            }
        }
    }

    // MARK: - Faults

    private func schedulePlan() {
        for planned in plan.planned where planned.step == nil {
            simulation.at(planned.time) { self.inject(planned.fault) }
        }
        steppedFaults = plan.planned.filter { $0.step != nil }.sorted { ($0.step ?? 0) < ($1.step ?? 0) }
        simulation.onStep = { [unowned self] in
            while let next = steppedFaults.first, let step = next.step, step <= simulation.steps {
                steppedFaults.removeFirst()
                inject(next.fault)
            }
        }
    }

    private func inject(_ fault: FaultPlan.Fault) {
        let now = simulation.now
        guard now < FaultPlan.endOfFaults else { return }
        simulation.record("FAULT \(fault)")
        func end(_ duration: Duration) -> Int64 { min(now + nanoseconds(duration), FaultPlan.endOfFaults) }
        switch fault {
        case .kill(let number, let delay): kill(processes[number], restartAfter: delay)
        case .pause(let number, let duration):
            let node = processes[number].node
            node.pause()
            simulation.at(end(duration), node: node) { node.resume() }
        case .drain(let number): redeploy(processes[number])
        case .databaseDown(let duration): database.service.conditions.downUntil = end(duration)
        case .queueDown(let duration): queueService.conditions.downUntil = end(duration)
        case .storeDown(let duration): store.service.conditions.downUntil = end(duration)
        case .cutFromDatabase(let number, let duration):
            for link in processes[number].links { link.database.partitionedUntil = end(duration) }
        case .cutFromQueue(let number, let duration):
            for link in processes[number].links { link.jobs.partitionedUntil = end(duration) }
        case .diskFull(let number, let duration):
            let disk = processes[number].disk
            disk.isFull = true
            simulation.at(end(duration)) { disk.isFull = false }
        case .erase(let number): database.erase(ids[number])
        case .loseMessage(let number): jobs.lose(number)
        }
    }

    private func kill(_ process: Process, restartAfter delay: Duration) {
        guard process.node.isAlive, !process.hasEnded else { return }
        kills += 1
        process.kill()
        simulation.after(delay) { process.start() }
    }

    /// Waits for the drained process as a service manager does, then kills it.
    private func redeploy(_ process: Process) {
        guard process.node.isAlive, !process.hasEnded, !process.isDraining else { return }
        let node = process.node
        process.drain()
        simulation.after(.seconds(45)) {
            // Killed and restarted meanwhile.
            guard process.node === node, node.isAlive else { return }
            if !process.hasEnded { process.kill() }
            process.start()
        }
    }

    private func heal() {
        for service in [database.service, queueService, store.service] { service.conditions.heal() }
        database.lostAnnouncements = 0
        jobs.doubled = 0
        jobs.stillVisible = 0
        jobs.abandonedPolls = 0
        steppedFaults = []
        simulation.record("healed")
    }

    // MARK: - To the end

    /// Liveness: every row terminal. The bound allows for two re-dispatches of a lost message.
    private func settle() {
        let loses = plan.planned.contains { if case .loseMessage = $0.fault { true } else { false } }
        let bound = nanoseconds(loses ? .seconds(4 * 7200) : .seconds(5400))
        if advance(for: bound, until: { self.database.videos.values.allSatisfy(\.state.isTerminal) && self.allCreated })
        {
            return
        }
        let open = database.sortedVideos.filter { !$0.state.isTerminal }
            .map { "\(invariants.label($0.current)) \($0.state.rawValue)" }
        simulation.fail("I1 liveness: not terminal: \(open.joined(separator: ", "))")
    }

    private var allCreated: Bool { ids.allSatisfy { invariants.histories[$0]?.dispatch ?? 0 > 0 } }

    /// No message left but the letters that belong there, no object without a row.
    private func rest() {
        if advance(for: nanoseconds(.seconds(3600)), until: { self.unrest == nil }) {
            checkResults()
        } else if let unrest {
            simulation.fail(unrest)
        }
    }

    private var unrest: String? {
        for process in processes where !process.node.isAlive || process.isDraining {
            return "at rest: \(process.name) was not started again"
        }
        if !database.outbox.isEmpty { return "I4 at rest: \(database.outbox.count) outbox entries" }
        if let stray = jobs.dispatches.first { return "I4 at rest: a job's message \(invariants.label(stray))" }
        for letter in deadLetters.dispatches {
            let row = database.videos[letter.video]
            guard let row, row.state == .failed, row.dispatch == letter.number, !invariants.wasRejected(letter.video)
            else { return "I4 at rest: a letter without a failed row: \(invariants.label(letter))" }
        }
        for row in database.sortedVideos where row.state == .failed && !invariants.wasRejected(row.video.id) {
            guard deadLetters.dispatches.contains(row.current) else {
                return "I4 at rest: a failed row without a letter: \(invariants.label(row.current))"
            }
        }
        let orphans = database.orphans(among: store.keys)
        return orphans.first.map { "I6 at rest: an object without a row: \($0)" }
    }

    private func checkResults() {
        for row in database.sortedVideos {
            guard let history = invariants.histories[row.video.id] else { continue }
            let timedOut = row.failure?.code == .timedOut
            let expected: Bool =
                switch history.kind {
                case .healthy: row.state == .processed || history.wasLost || timedOut
                case .poison: history.isRejected || history.wasLost || timedOut
                // A failure whose worker died before it could tell does not count.
                case .flaky(let failures):
                    history.wasLost || timedOut
                        || (row.state == .processed
                            ? row.attempts < 3 && !(plan.isCalm && failures >= 3) : failures >= 3)
                }
            if !expected {
                simulation.fail(
                    "\(history.label) (\(history.kind)) ended \(row.state.rawValue), \(row.attempts) attempts, \(row.failure?.code.rawValue ?? "-")"
                )
            }
            if row.state == .processed, row.result.map({ !store.has($0.video) || !store.has($0.poster) }) ?? true {
                simulation.fail("I2 \(history.label): processed, but its objects are gone")
            }
            if row.attempts != history.ownFailures { simulation.fail("I8 \(history.label): attempts do not add up") }
        }
    }

    /// Every `run()` returns within the grace and five seconds, permits and workspaces come back.
    private func drain() {
        guard simulation.failure == nil else { return }
        for process in processes { process.drain() }
        let ended = advance(for: nanoseconds(.seconds(36))) { self.processes.allSatisfy(\.hasEnded) }
        for process in processes where simulation.failure == nil {
            if !ended, !process.hasEnded { simulation.fail("drain: \(process.node.name) does not end") }
            if let taken = process.worker?.permits.taken, taken != 0 {
                simulation.fail("permits: \(process.node.name) ends with \(taken) taken")
            }
            if !process.disk.openWorkspaces.isEmpty {
                simulation.fail("workspaces: \(process.node.name) leaves \(process.disk.openWorkspaces.count)")
            }
        }
    }

    /// Runs in slices of five virtual seconds until `condition` holds, or `bound` nanoseconds are over.
    private func advance(for bound: Int64, until condition: () -> Bool) -> Bool {
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
