import Actors
import FoundationEssentials
import Glibc
import Transport

/// Nodes of this machine behind nginx, as on AWS behind the load balancer: the same health rule takes nodes in and out,
/// the same policy scales them, and a roll replaces each by a successor that is healthy first.
///
/// Owns its members. Listens to signals (`roll`), its clock and the nodes' health; tells nginx and `state.json`. A node
/// that dies is started again; nginx that dies ends the cluster.
actor LocalCluster {
    struct Shape: Sendable {
        var apis: Int
        var workers: Int
        var port: Int
        /// Between two checks; the owner's balancer has 30 s.
        var healthInterval: Duration
        /// Nil: the number of API nodes stays.
        var scaling: ScalingPolicy?
        /// What the policy calls a minute.
        var minute: Duration
        /// Of a drain, beside the notice.
        var grace: Duration
        /// Given to each node.
        var settings: [String]
    }

    private struct Member {
        let name: String
        let role: NodeRole
        /// Another one at each start: whoever had the last one meanwhile keeps it.
        var port: Int
        let stop = Signal()
        var health = HealthTally()
        var isDraining = false
        /// Nil until its process runs.
        var process: pid_t?
        var startedAt: ContinuousClock.Instant?
    }

    private static let healthLimit: Duration = .seconds(5)
    /// A successor that is not healthy by then is given up, and the roll with it.
    private static let startLimit: Duration = .seconds(180)
    /// Longer than nginx takes to send requests elsewhere.
    private static let deregistration: Duration = .seconds(1)
    /// A worker has no health to ask: one that lives for this long has found its tools and its database.
    private static let workerIsUpAfter: Duration = .seconds(3)
    private static let pause: Duration = .milliseconds(100)

    private let shape: Shape
    private let folder: String
    private let dataDir: String
    private let executable: String
    private let balancer: Balancer
    private let client: HTTPClient
    private let clock = ContinuousClock()
    private let say: @Sendable (String) -> Void
    private let launches = Mailbox<String>("launches", capacity: 64)
    private var members: [Member] = []
    private var made: [NodeRole: Int] = [:]
    private var served: [Int] = []
    private var rolls = 0
    private var isRolling = false
    private var failedRoll: String?
    private var nginx: pid_t?

    init(
        _ shape: Shape, dataDir: String, client: HTTPClient, say: @escaping @Sendable (String) -> Void
    ) throws {
        self.shape = shape
        self.dataDir = dataDir
        self.client = client
        self.say = say
        folder = try DataFolder(path: dataDir).subfolder("cluster")
        executable = try DatabaseService.ownExecutable()
        balancer = try Balancer(folder: folder, port: shape.port, statusPort: try NodeProcess.freePort())
    }

    /// Health says 503 for this long before a node's listener closes: the balancer needs two failed checks.
    private var notice: Int {
        Int((shape.healthInterval * (HealthTally.unhealthyAfter + 1)).inSeconds.rounded(.up)) + 1
    }

    /// Runs until cancelled.
    /// - Parameter rolls: each is an order to replace every node.
    func run(rolls: Signal) async throws {
        for _ in 0..<shape.apis { try launch(.api) }
        for _ in 0..<shape.workers { try launch(.worker) }
        try balancer.serve(from: [], telling: nil)
        defer { unlink("\(folder)/state.json") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.balancer.run { await self.balancerRuns($0) } }
            group.addTask { await self.runMembers() }
            group.addTask { try await self.watchHealth() }
            group.addTask { for await _ in rolls.elements { await self.roll() } }
            if let policy = shape.scaling { group.addTask { try await self.scale(by: policy) } }
            // The first that fails ends all.
            try await group.next()
            group.cancelAll()
        }
    }

    private func balancerRuns(_ process: pid_t) {
        nginx = process
        try? writeState()
    }

    // MARK: - Members

    @discardableResult
    private func launch(_ role: NodeRole) throws -> String {
        made[role, default: 0] += 1
        let name = "\(role.rawValue)-\(made[role] ?? 0)"
        members.append(Member(name: name, role: role, port: 0))
        launches.send(name)
        return name
    }

    private func index(_ name: String) -> Int? { members.firstIndex { $0.name == name } }

    private func runMembers() async {
        await withDiscardingTaskGroup { group in
            for await name in launches.elements { group.addTask { await self.keep(name) } }
        }
    }

    /// Starts the node again and again, as a service manager does, until it was told to stop.
    private func keep(_ name: String) async {
        guard let member = index(name).map({ members[$0] }) else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in member.stop.elements { break } }
            group.addTask {
                while !Task.isCancelled {
                    let ending: String
                    do {
                        ending = try await self.process(of: name).run { await self.runs(name, $0) }
                    } catch { ending = "\(error)" }
                    await self.ended(name, ending)
                    try? await Task.sleep(for: .seconds(1))
                }
            }
            await group.next()
            group.cancelAll()
        }
        members.removeAll { $0.name == name }
        try? writeState()
    }

    private func process(of name: String) throws -> NodeProcess {
        guard let index = index(name) else { throw CancellationError() }
        let role = members[index].role
        if role.servesAPI { members[index].port = try NodeProcess.freePort() }
        let own = [
            "role=\(role.rawValue)", "dataDir=\(dataDir)", "http.host=127.0.0.1", "port=\(members[index].port)",
            "http.trustedProxies=127.0.0.1", "drain.noticeSeconds=\(role.servesAPI ? notice : 0)",
        ]
        return NodeProcess(
            executable: executable, arguments: own + shape.settings.filter { !$0.hasPrefix("dataDir=") },
            log: "\(folder)/\(name).log", metrics: "\(folder)/\(name).emf", drainLimit: drainLimit)
    }

    private var drainLimit: Duration { .seconds(notice + 30) + shape.grace }

    private func runs(_ name: String, _ process: pid_t) {
        guard let index = index(name) else { return }
        members[index].process = process
        members[index].startedAt = clock.now
        try? writeState()
    }

    private func ended(_ name: String, _ ending: String) {
        guard let index = index(name) else { return }
        members[index].process = nil
        members[index].startedAt = nil
        members[index].health = HealthTally()
        say(members[index].isDraining ? "\(name) has drained" : "\(name) ended (\(ending)); it is started again")
        refresh()
    }

    /// Takes the node out of nginx first, as the balancer on AWS does when its group lets a machine go: from the signal
    /// on a node admits no upload any more.
    private func stop(_ name: String) async {
        guard let index = index(name) else { return }
        members[index].isDraining = true
        refresh()
        try? await clock.sleep(for: Self.deregistration)
        members.first { $0.name == name }?.stop.raise()
        try? writeState()
    }

    // MARK: - Health

    private func watchHealth() async throws {
        while true {
            let checked = members.filter { $0.role.servesAPI && $0.process != nil }.map { ($0.name, $0.port) }
            let client = client
            await withTaskGroup(of: (String, Bool).self) { group in
                for (name, port) in checked {
                    group.addTask {
                        let answer = try? await client.send(
                            HTTPClientRequest(url: "http://127.0.0.1:\(port)/api/health"), deadline: Self.healthLimit,
                            maxBodyBytes: 65536)
                        return (name, answer?.status == 200)
                    }
                }
                for await (name, isFine) in group { note(name, isFine) }
            }
            refresh()
            try await clock.sleep(for: shape.healthInterval)
        }
    }

    private func note(_ name: String, _ isFine: Bool) {
        guard let index = index(name), members[index].health.record(isFine) else { return }
        say("\(name) is \(members[index].health.isHealthy ? "healthy" : "unhealthy")")
        refresh()
    }

    /// Tells nginx who serves.
    private func refresh() {
        let ports = members.filter { $0.health.isHealthy && !$0.isDraining }.map(\.port).sorted()
        guard ports != served else { return }
        // What could not be written is tried again with the next look at the nodes' health.
        do { try balancer.serve(from: ports, telling: nginx) } catch {
            return say("nginx cannot be told who serves: \(error)")
        }
        served = ports
        try? writeState()
    }

    // MARK: - Roll

    /// API nodes one by one, each only when its successor is healthy; then workers.
    private func roll() async {
        say("rolling")
        isRolling = true
        failedRoll = nil
        try? writeState()
        for old in members where !old.isDraining {
            if let failure = await replace(old) {
                failedRoll = failure
                break
            }
        }
        isRolling = false
        rolls += 1
        say(failedRoll.map { "the roll was given up: \($0)" } ?? "rolled")
        try? writeState()
    }

    /// - Returns: what went wrong, if anything.
    private func replace(_ old: Member) async -> String? {
        guard let successor = try? launch(old.role) else { return "no successor of \(old.name) could be started" }
        let isUp = await until(Self.startLimit, successor) { member in
            guard let member else { return false }
            if old.role.servesAPI { return member.health.isHealthy }
            return member.startedAt.map { self.clock.now - $0 >= Self.workerIsUpAfter } ?? false
        }
        guard isUp else {
            await stop(successor)
            return "\(successor), the successor of \(old.name), is not up; its log is \(folder)/\(successor).log"
        }
        await stop(old.name)
        let isGone = await until(drainLimit + .seconds(10), old.name) { $0 == nil }
        return isGone ? nil : "\(old.name) did not end"
    }

    /// Whether `holds` says so of the member within `limit`; it gets nil once the member is gone.
    private func until(_ limit: Duration, _ name: String, _ holds: (Member?) -> Bool) async -> Bool {
        let end = clock.now + limit
        while !Task.isCancelled, clock.now < end {
            if holds(index(name).map { members[$0] }) { return true }
            try? await clock.sleep(for: Self.pause)
        }
        return false
    }

    // MARK: - Scaling

    private func scale(by policy: ScalingPolicy) async throws {
        var scaler = Scaler(policy: policy)
        let start = clock.now
        var last = await measured()
        while true {
            try await clock.sleep(for: shape.minute)
            let next = await measured()
            let serving = members.filter { $0.role.servesAPI && !$0.isDraining }
            // A roll's successors are no growth.
            if !isRolling, let load = next.load(since: last) {
                // The cooldown is counted in the same minutes.
                let time = (clock.now - start) * (60 / shape.minute.inSeconds)
                switch scaler.change(load, nodes: serving.count, at: time) {
                case 1...:
                    say("scaling out: \(load.text)")
                    try launch(.api)
                case ..<0:
                    say("scaling in: \(load.text)")
                    if let youngest = serving.last { await stop(youngest.name) }
                default: break
                }
            }
            last = next
        }
    }

    private func measured() async -> ClusterUsage {
        let processes = members.filter(\.role.servesAPI).compactMap(\.process)
        return await ClusterUsage(of: processes, balancer: balancer, client: client, minute: shape.minute)
    }

    // MARK: - For other commands

    private func writeState() throws {
        let list = members.map { member in
            JSONValue.object([
                "name": .text(member.name), "role": .text(member.role.rawValue), "port": .number(Double(member.port)),
                "pid": member.process.map { .number(Double($0)) } ?? .null,
                "state": .text(
                    member.isDraining
                        ? "draining"
                        : member.role.servesAPI
                            ? member.health.isHealthy ? "healthy" : "unhealthy"
                            : member.process == nil ? "starting" : "running"),
            ])
        }
        let state = JSONValue.object([
            "pid": .number(Double(getpid())), "nginx": nginx.map { .number(Double($0)) } ?? .null,
            "url": .text("http://127.0.0.1:\(shape.port)"),
            "rolls": .number(Double(rolls)), "rolling": .flag(isRolling), "failed_roll": .optional(failedRoll),
            "nodes": .array(list),
        ])
        try JSONEncoder().encode(state).write(to: URL(filePath: "\(folder)/state.json"), options: .atomic)
    }
}
