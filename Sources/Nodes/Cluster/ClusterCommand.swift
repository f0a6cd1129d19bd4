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
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
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
            let cluster = try LocalCluster(shape(configuration), dataDir: folder.path, client: client) {
                print($0)
                fflush(nil)
            }
            print("nginx on http://127.0.0.1:\(port), logs in \(folder.path)/cluster")
            fflush(nil)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await cluster.run(rolls: rolls) }
                group.addTask {
                    for await signal in signals {
                        guard signal == .sighup else { return }
                        rolls.raise()
                    }
                }
                try await group.next()
                group.cancelAll()
                do { try await group.waitForAll() } catch is CancellationError {}
            }
            _ = lock
        } catch {
            await client.shutdown()
            StandardError.write("anb: the cluster ended: \(error)")
            throw OperatorExit.negative
        }
        await client.shutdown()
    }

    private func shape(_ configuration: NodeConfiguration) -> LocalCluster.Shape {
        LocalCluster.Shape(
            apis: api, workers: workers, port: port, healthInterval: .milliseconds(Int64(healthSeconds * 1000)),
            scaling: scale ? ScalingPolicy() : nil, minute: .milliseconds(Int64(minuteSeconds * 1000)),
            settings: settings)
    }
}

/// What `anb cluster up` leaves for other commands.
private struct ClusterState {
    let json: JSONValue

    /// - Throws: `ExitCode` after a sentence, when no cluster runs.
    init(_ configuration: NodeConfiguration) throws {
        guard let data = try? Data(contentsOf: URL(filePath: "\(configuration.dataDir)/cluster/state.json")),
            let json = try? JSONDecoder().decode(JSONValue.self, from: data), let pid = json["pid"]?.amount,
            kill(pid_t(pid), 0) == 0 || errno == EPERM
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
        guard kill(before.pid, SIGHUP) == 0 else {
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
