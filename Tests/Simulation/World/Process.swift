import Actors
import Logging

/// One place where a process runs; a restart puts a new process there.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
final class Process: @unchecked Sendable {
    enum Role { case api, worker }

    let name: String
    let role: Role
    private unowned let world: World
    private(set) var node: SimulatedNode
    private(set) var disk: FakeDisk
    private(set) var links: (database: Link, jobs: Link, store: Link)?
    var allLinks: [Link] { links.map { [$0.database, $0.jobs, $0.store] } ?? [] }
    private(set) var worker: WorkerNode?
    private(set) var api: APINode?
    private(set) var isDraining = false
    /// The role's `run()` has; requests that nobody waits for any more may go on until the process ends.
    private(set) var hasReturned = false
    /// Of an API process: requests and what voters were told.
    private(set) var counter: Traffic.Counter
    private var incarnation = 1
    private var id: NodeID?

    init(_ name: String, _ role: Role, in world: World) {
        self.name = name
        self.role = role
        self.world = world
        node = SimulatedNode(name, in: world.simulation)
        disk = FakeDisk(node)
        counter = Traffic.Counter(node)
    }

    var hasEnded: Bool { node.runningMains == 0 }

    func start() {
        let simulation = world.simulation
        if incarnation > 1 {
            node = SimulatedNode("\(name)'\(incarnation)", in: simulation)
            disk = FakeDisk(node)
            counter = Traffic.Counter(node)
        }
        incarnation += 1
        isDraining = false
        hasReturned = false
        let node = node
        // Each process's clocks have an origin of their own.
        node.skew = simulation.tape.nanoseconds(0...1_000_000_000_000, .workload)
        node.wallSkew = simulation.tape.nanoseconds(0...120_000_000_000, .workload) - 60_000_000_000
        let database = DatabaseClient(world.database, node)
        let jobsLink = Link(node, world.queueService)
        let jobs = QueueClient(world.jobs, jobsLink)
        let store = ObjectStoreClient(world.store, disk: disk, node)
        links = (database.link, jobsLink, store.link)
        let random = SimulatedRandom(simulation)
        let clock = SimulatedClock(node)
        let id = IdentifierSource(random: random).make(Node.self)
        self.id = id
        let gateway = S3Gateway(
            store: store, clock: clock,
            wallClock: SimulatedWallClock(node), random: random, logger: world.logger)
        let metrics = MetricsEmitter(
            namespaces: [role == .worker ? .worker : .backend], interval: World.metricsInterval, sink: world.metrics,
            meter: FakeMeter(), clock: clock, wallClock: SimulatedWallClock(node))
        node.start { await metrics.run() }
        switch role {
        case .worker:
            let made = WorkerNode(
                WorkerEnvironment(
                    node: id, settings: WorkerSettings(slots: World.slots, attemptDeadline: World.attemptDeadline),
                    videos: database, feed: database,
                    jobs: jobs, gateway: gateway,
                    transcoder: FakeTranscoder(node, disk: disk, invariants: world.invariants, encoder: world.encoder),
                    workspaces: disk,
                    metrics: metrics.events, clock: clock, random: random,
                    logger: world.logger))
            worker = made
            node.start {
                await made.run()
                metrics.events.finish()
                if self.node === node { self.hasReturned = true }
            }
        case .api:
            let made = APINode(
                APIEnvironment(
                    node: id,
                    settings: world.api,
                    users: database, videos: database, votes: database, idempotency: database,
                    throttle: FakeThrottle(), feed: database, jobs: jobs,
                    deadLetters: QueueClient(world.deadLetters, jobsLink), gateway: gateway, probe: FakeProbe(),
                    workspaces: disk, hasher: FakeHasher(),
                    metrics: metrics.events, clock: clock, random: random,
                    logger: world.logger))
            api = made
            node.start {
                await made.run()
                metrics.events.finish()
                if self.node === node { self.hasReturned = true }
            }
        }
    }

    func kill() {
        node.kill()
        worker = nil
        api = nil
    }

    /// Jobs that the database thinks it works on.
    var leases: [VideoID] {
        world.database.sortedVideos.filter {
            $0.claimedBy == id && $0.hasLiveLease(at: world.simulation.now) && !$0.state.isTerminal
        }
        .map(\.video.id)
    }

    func drain() {
        guard beginsToEnd("drain") else { return }
        worker?.drain()
        if let api { drain(api) }
    }

    /// All its tasks learn at once that nobody wants their results.
    func cancel() {
        if beginsToEnd("cancelled") { node.cancel() }
    }

    /// False when it has ended, or was told to before.
    private func beginsToEnd(_ order: StaticString) -> Bool {
        guard node.isAlive, !isDraining else { return false }
        isDraining = true
        world.invariants.hadDrains = true
        node.isEnding = true
        world.simulation.record(order, by: node)
        return true
    }

    /// As the node does: no admissions, then the HTTP server stops when its requests are answered, or at its limit.
    private func drain(_ api: APINode) {
        let (clock, counter) = (SimulatedClock(node), counter)
        node.start {
            await api.beginDrain()
            let limit = clock.now.advanced(by: World.drainGrace)
            while counter.underWay > 0, clock.now < limit {
                do { try await clock.wait(.milliseconds(200)) } catch { break }
            }
            counter.isClosed = true
            api.drain()
        }
    }
}
