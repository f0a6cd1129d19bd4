import Glibc
import Logging
import Synchronization
import Transport

/// One node of a cluster.
struct ClusterNode: Sendable {
    let program: RunningProgram
    let api: API

    var pid: pid_t { program.pid }
    var port: Int { api.port }
}

/// Nodes on one data folder of their own, all ended and all removed by `Cluster.use`.
final class Cluster: Sendable {
    static let startLimit: Duration = .seconds(40)

    let folder: String
    let dataFolder: String
    let client: HTTPClient
    private let nodes = Mutex<[ClusterNode]>([])

    private init(folder: String, client: HTTPClient) {
        self.folder = folder
        self.dataFolder = folder + "/data"
        self.client = client
    }

    /// Runs `body` with an empty cluster and ends everything afterwards, whatever happened.
    static func use<Result: Sendable>(_ body: (Cluster) async throws -> Result) async throws -> Result {
        let client = HTTPClient(logger: Logger(label: "integration"))
        try client.start()
        let cluster = Cluster(folder: try Files.makeTemporaryFolder(), client: client)
        do {
            let result = try await body(cluster)
            await cluster.end()
            return result
        } catch {
            await cluster.end()
            throw error
        }
    }

    /// Starts a node and waits until it listens (api, all) or pulls (worker).
    /// - Parameters:
    ///   - wrapper: a command that becomes the node when the node's own words are added to it.
    ///   - ownFolder: the name of a data folder that the node shares with nobody; nil: the cluster's.
    ///   - host: the address that it listens on.
    func start(
        _ role: String, _ settings: [String] = [], environment: [String: String] = [:], wrapper: [String] = [],
        ownFolder: String? = nil, host: String = "127.0.0.1"
    ) async throws -> ClusterNode {
        let dataFolder = ownFolder.map { "\(folder)/\($0)" } ?? dataFolder
        if role != "api" { try BrandCache.lend(to: dataFolder) }
        let usual = ["port=0", "http.host=\(host)", "queue.pollSeconds=1", "worker.slots=1"].filter { word in
            !settings.contains { $0.prefix { $0 != "=" } == word.prefix { $0 != "=" } }
        }
        let program = try launch(
            ["role=\(role)"] + usual + settings, environment: environment, wrapper: wrapper, dataFolder: dataFolder)
        let port = try await eventually("a node role=\(role) is up", within: Self.startLimit) {
            if let ending = program.ending {
                throw RunningProgram.Failed(description: "role=\(role): \(ending): \(program.errors)")
            }
            return role == "worker" ? Self.workerIsUp(program.errors) : Self.port(in: program.errors)
        }
        if role != "api" { try BrandCache.take(from: dataFolder) }
        let api = API(client: client, origin: "http://\(host):\(port)", port: port)
        let node = ClusterNode(program: program, api: api)
        nodes.withLock { $0.append(node) }
        if role != "worker" {
            try await untilTrue("the node is ready", within: Self.startLimit) {
                try await api.get("/api/ready").status == 200
            }
        }
        return node
    }

    /// Starts the binary as it is; for starts that fail.
    func launch(
        _ arguments: [String], environment: [String: String] = [:], wrapper: [String] = [], dataFolder: String? = nil
    ) throws -> RunningProgram {
        let name = "node-\(UInt32.random(in: .min ... .max))"
        let words = try wrapper + [Self.binary()] + arguments + ["dataDir=\(dataFolder ?? self.dataFolder)"]
        return try RunningProgram(
            words[0], Array(words.dropFirst()), environment: environment, in: folder, name: name, isGuarded: true)
    }

    func stopAll() async {
        let all = nodes.withLock { nodes in
            defer { nodes = [] }
            return nodes
        }
        // One signal each, and all before the first is waited for: a second one would end a node at once.
        for node in all { node.program.send(SIGTERM) }
        for node in all { await node.program.endOrKill() }
    }

    /// What is in the store.
    var objects: [String] { Files.tree(dataFolder + "/objects") }

    /// Temporary files beside the locks of the processes' folders.
    var temporaryFiles: [String] { Files.tree(dataFolder + "/temp").filter { !$0.hasSuffix("/lock") } }

    private func end() async {
        await stopAll()
        await client.shutdown()
        try? await untilTrue("the database has stopped") { ProcessTable.servers(of: dataFolder).isEmpty }
        try? await untilTrue("the folder is gone") {
            Files.remove(folder)
            return access(folder, F_OK) != 0
        }
    }

    /// `ANB_BINARY`, or the product beside this test executable.
    static func binary() throws -> String {
        if let given = getenv("ANB_BINARY") { return String(cString: given) }
        guard let own = realpath("/proc/self/exe", nil) else {
            throw RunningProgram.Failed(description: "/proc/self/exe cannot be read")
        }
        defer { free(own) }
        let path = String(cString: own)
        let beside = path[..<(path.lastIndex(of: "/") ?? path.endIndex)] + "/anb"
        guard access(String(beside), X_OK) == 0 else {
            throw RunningProgram.Failed(description: "\(beside) is not there: build it, or set ANB_BINARY")
        }
        return String(beside)
    }

    /// The port of the log record `listening`.
    static func port(in log: String) -> Int? {
        for line in log.split(separator: "\n") {
            guard let record = try? JSON.parse(Array(line.utf8)), record["message"] == "listening" else { continue }
            return record["port"]?.text.flatMap { Int($0) }
        }
        return nil
    }

    /// A worker does not listen; once the brand is there it pulls.
    private static func workerIsUp(_ log: String) -> Int? { log.contains("watermark are ready") ? 0 : nil }
}

/// Intro, outro and watermark take seconds to make; one cluster's serve the others of the run.
enum BrandCache {
    private static let folder = Mutex<String?>(nil)

    static func lend(to dataFolder: String) throws {
        try folder.withLock { folder in
            guard let folder, access(dataFolder + "/brand", F_OK) != 0 else { return }
            mkdir(dataFolder, 0o700)
            try Files.copyTree(folder + "/brand", to: dataFolder + "/brand")
        }
    }

    static func take(from dataFolder: String) throws {
        try folder.withLock { folder in
            guard folder == nil, access(dataFolder + "/brand", F_OK) == 0 else { return }
            let new = try Files.makeTemporaryFolder()
            try Files.copyTree(dataFolder + "/brand", to: new + "/brand")
            folder = new
            atexit { BrandCache.remove() }
        }
    }

    private static func remove() {
        folder.withLock { folder in
            if let folder { Files.remove(folder) }
        }
    }
}
