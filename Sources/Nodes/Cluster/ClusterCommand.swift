import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import Transport
import UnixSignals

/// `anb cluster`: several nodes of this machine behind nginx.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Run several nodes of this machine behind nginx, and roll them.",
        subcommands: [ClusterUpCommand.self, ClusterRollCommand.self, ClusterStatusCommand.self])
}

struct ClusterUpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Start nodes behind nginx, and keep them up until Ctrl-C.",
        discussion: """
            nginx listens on 127.0.0.1, and sends requests to nodes that answered two health checks in a row; two \
            failed ones take a node out. A node that dies is started again. With --scale the number of API nodes \
            follows the load, by the rules of the auto scaling group (anb plan replays them).
            """)

    @Option(help: "API nodes.") var api = 2
    @Option(help: "Workers.") var workers = 2
    @Option(help: "nginx's port.") var port = 8080
    @Option(help: "Seconds between two health checks; the balancer on AWS has 30.") var healthSeconds = 2.0
    @Flag(help: "Scale API nodes between 1 and 5.") var scale = false
    @Option(help: "Seconds that scaling takes for a minute, to see it sooner.") var minuteSeconds = 60.0
    @Argument(help: "Settings of the nodes.") var settings: [String] = []

    func validate() throws {
        guard (1...20).contains(api), (0...20).contains(workers), (1...65535).contains(port),
            (0.2...300).contains(healthSeconds), (1...600).contains(minuteSeconds)
        else {
            throw ValidationError("api 1 to 20, workers 0 to 20, health-seconds 0.2 to 300, minute-seconds 1 to 600")
        }
    }

    func run() async throws {
        let configuration = try NodeCommand.loadOrExit(settings)
        try refuseOwnKeys()
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sigusr1)
        var logger = Logger(label: "anb")
        logger.logLevel = .error
        let client = HTTPClient(logger: logger)
        try client.start()
        let rolls = Signal()
        do {
            let folder = try DataFolder(path: configuration.dataDir)
            let lock = try folder.lock(at: "\(try folder.subfolder("cluster"))/cluster.lock")
            guard try lock.tryLock(.exclusive) else {
                throw ClusterFailure("a cluster runs on \(folder.path) already: anb cluster status")
            }
            try await ClusterRemains(folder: "\(folder.path)/cluster").end()
            let cluster = try LocalCluster(shape(configuration), dataDir: folder.path, client: client) {
                print($0)
                fflush(nil)
            }
            print("nginx on http://127.0.0.1:\(port), logs in \(folder.path)/cluster")
            fflush(nil)
            try await withThrowingTaskGroup(of: Void.self) { group in
                let stop = Signal()
                group.addTask { await Self.listen(to: signals, rolls: rolls, stop: stop) }
                try await Self.run(cluster, rolls: rolls, until: stop)
                group.cancelAll()
            }
            _ = lock
        } catch {
            await client.shutdown()
            StandardError.write("anb: the cluster ended: \(error)")
            throw OperatorExit.negative
        }
        await client.shutdown()
    }

    /// Returns when the cluster has drained after `stop`.
    private static func run(_ cluster: LocalCluster, rolls: Signal, until stop: Signal) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await cluster.run(rolls: rolls) }
            group.addTask { for await _ in stop.elements { break } }
            try await group.next()
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {}
        }
    }

    /// The first signal drains; a second one does not wait for it: the next `up` ends what is left.
    private static func listen(to signals: UnixSignalsSequence, rolls: Signal, stop: Signal) async {
        var isSecond = false
        for await signal in signals {
            if signal == .sigusr1 {
                rolls.raise()
            } else if isSecond {
                ProcessEnd.exit(130)
            } else {
                isSecond = true
                stop.raise()
            }
        }
    }

    /// What the cluster itself gives to its nodes.
    private func refuseOwnKeys() throws {
        let own = ["port", "http.port", "http.host", "http.trustedProxies", "drain.noticeSeconds", "role", "config"]
        for word in settings {
            guard let key = own.first(where: { word.hasPrefix($0 + "=") }) else { continue }
            StandardError.write("anb: \(key) is the cluster's to set: use --port and --health-seconds")
            throw ExitCode(64)
        }
    }

    private func shape(_ configuration: NodeConfiguration) -> LocalCluster.Shape {
        LocalCluster.Shape(
            apis: api, workers: workers, port: port, healthInterval: .milliseconds(Int64(healthSeconds * 1000)),
            scaling: scale ? ScalingPolicy() : nil, minute: .milliseconds(Int64(minuteSeconds * 1000)),
            grace: configuration.seconds("drain.graceSeconds"),
            settings: settings)
    }
}

/// What `anb cluster up` leaves for other commands.
private struct ClusterState {
    let json: JSONValue

    /// - Throws: `ExitCode` after a sentence, when no cluster runs.
    init(_ configuration: NodeConfiguration) throws {
        guard let data = try? Data(contentsOf: URL(filePath: "\(configuration.dataDir)/cluster/state.json")),
            let json = try? JSONDecoder().decode(JSONValue.self, from: data), json["pid"]?.amount != nil,
            // The cluster holds its lock for life; a file may be left from any time.
            let lock = try? FileLock(path: "\(configuration.dataDir)/cluster/cluster.lock"),
            (try? lock.tryLock(.exclusive)) == false
        else {
            StandardError.write("anb: no cluster runs on \(configuration.dataDir): anb cluster up")
            throw OperatorExit.negative
        }
        self.json = json
    }

    var pid: pid_t { pid_t(json["pid"]?.amount ?? 0) }
    var rolls: Double { json["rolls"]?.amount ?? 0 }
    var isRolling: Bool { json["rolling"] == .flag(true) }
}

struct ClusterRollCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roll", abstract: "Replace every node of the running cluster, one after the other.",
        discussion: "A node goes only when its successor is healthy. Exit code 1 when a successor does not come up.")

    @Option(help: "Longest wait, in seconds.") var limit = 3600
    @Argument(help: "Settings, such as dataDir=PATH.") var settings: [String] = []

    func run() async throws {
        let configuration = try NodeCommand.loadOrExit(settings)
        let before = try ClusterState(configuration)
        guard !before.isRolling else {
            StandardError.write("anb: the cluster is rolling already")
            throw OperatorExit.negative
        }
        guard kill(before.pid, SIGUSR1) == 0 else {
            StandardError.write("anb: the cluster's process \(before.pid): \(String(cString: strerror(errno)))")
            throw OperatorExit.negative
        }
        let end = ContinuousClock.now + .seconds(limit)
        while ContinuousClock.now < end {
            let state = try ClusterState(configuration)
            if state.rolls > before.rolls {
                if let failure = state.json["failed_roll"]?.text {
                    StandardError.write("anb: the roll was given up: \(failure)")
                    throw OperatorExit.negative
                }
                return print("rolled")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        StandardError.write("anb: the roll was not over within \(limit) s; it goes on")
        throw OperatorExit.negative
    }
}

struct ClusterStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Print the running cluster's nodes.")

    @OptionGroup var options: OperatorOptions

    func run() async throws {
        _ = try options.videos(0...0)
        let state = try ClusterState(try options.configuration())
        var table = TextTable(["node", "state", "port", "process"])
        if case .array(let nodes) = state.json["nodes"] {
            for node in nodes {
                let numbers = ["port", "pid"].map { name in node[name]?.amount.map { String(Int($0)) } ?? "-" }
                table.add([node["name"]?.text ?? "", node["state"]?.text ?? ""] + numbers)
            }
        }
        try options.show(state.json, text: table.text)
    }
}

/// What a cluster that was killed has left: nginx and nodes go on without it.
private struct ClusterRemains {
    let folder: String

    private static let limit: Duration = .seconds(20)

    /// To be called under the cluster's lock. Only processes that work in this very folder are ended.
    func end() async throws {
        guard let data = try? Data(contentsOf: URL(filePath: "\(folder)/state.json")),
            let state = try? JSONDecoder().decode(JSONValue.self, from: data)
        else { return }
        var pids = [state["nginx"]?.amount]
        if case .array(let nodes) = state["nodes"] { pids += nodes.map { $0["pid"]?.amount } }
        let left = pids.compactMap { $0.map { pid_t($0) } }.filter(isOurs)
        for pid in left { kill(pid, SIGTERM) }
        let end = ContinuousClock.now + Self.limit
        while left.contains(where: isOurs), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(100)) }
        for pid in left where isOurs(pid) { kill(pid, SIGKILL) }
        unlink("\(folder)/state.json")
        unlink("\(folder)/run/nginx.pid")
    }

    private func isOurs(_ pid: pid_t) -> Bool {
        guard let bytes = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline")) else { return false }
        let words = String(decoding: bytes.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
        let dataDir = folder.prefix(folder.count - "/cluster".count)
        return words.contains("dataDir=\(dataDir) ") || words.contains("nginx") && words.contains(folder)
    }
}
