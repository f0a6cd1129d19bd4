import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage
import Transport

/// The demo's folder, port and node processes.
struct DemoStage: Sendable {
    /// How long a node may take to drain when the demo ends.
    private static let drainLimit: Duration = .seconds(45)

    let folder: String
    let ports: [Int]
    private let executable: String

    /// Of the api nodes.
    func baseURLs(_ layout: Layout) -> [String] {
        ports.prefix(layout == .manyMachines ? 2 : 1).map { "http://127.0.0.1:\($0)" }
    }

    enum Layout {
        case oneNode
        /// One api node and two workers as processes of their own.
        case processes
        /// Two api nodes and two workers that share nothing but database, store and queue.
        case manyMachines
    }

    var logs: String { "\(folder)/*.log" }

    /// Takes the first of `demo-1`, `demo-2`, … that no running demo uses, and empties it; the brand kit is kept.
    static func prepare(below dataDir: String) throws -> DemoStage {
        for number in 1... {
            let folder = try DataFolder(path: "\(dataDir)/demo-\(number)")
            let lock = try folder.lock(at: folder.nodesLockPath)
            guard try lock.tryLock(.exclusive) else { continue }
            for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
            where name != "brand" && !name.hasSuffix(".lock") {
                try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
            }
            return DemoStage(
                folder: folder.path, ports: [try freePort(), try freePort()],
                executable: try DatabaseService.ownExecutable())
        }
        throw DemoFailure("no folder for the demo could be had below \(dataDir)")
    }

    func nodes(_ layout: Layout) -> [DemoNode] {
        func node(_ name: String, _ arguments: [String]) -> DemoNode {
            let ownFolder = layout == .manyMachines ? "\(folder)/\(name)" : folder
            let common = ["dataDir=\(ownFolder)", "http.host=127.0.0.1", "metrics.intervalSeconds=10"]
            return DemoNode(
                executable: executable, arguments: arguments + common, log: "\(folder)/\(name).log",
                metrics: "\(folder)/\(name).emf", drainLimit: Self.drainLimit)
        }
        let workers = [node("worker-1", ["role=worker"]), node("worker-2", ["role=worker"])]
        switch layout {
        case .oneNode: return [node("node", ["role=all", "port=\(ports[0])"])]
        case .processes: return [node("api", ["role=api", "port=\(ports[0])"])] + workers
        case .manyMachines:
            return [node("api-1", ["role=api", "port=\(ports[0])"]), node("api-2", ["role=api", "port=\(ports[1])"])]
                + workers
        }
    }

    /// A port of the loopback that was free a moment ago.
    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 && getsockname(descriptor, raw, &length) == 0
            }
        }
        guard bound else { throw DemoFailure("no free port on 127.0.0.1") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// One node as a child process, with its output in files.
struct DemoNode: Sendable {
    let executable: String
    let arguments: [String]
    let log: String
    let metrics: String
    let drainLimit: Duration

    /// Runs until cancelled, which drains it.
    /// - Throws: `DemoFailure` when it ends by itself.
    func run() async throws {
        let output = try Self.create(metrics)
        let error = try Self.create(log)
        var options = PlatformOptions()
        // Ctrl-C reaches the demo, which drains its nodes in order.
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: drainLimit)]
        let result = try await Subprocess.run(
            .path(FilePath(executable)), arguments: Arguments(arguments), platformOptions: options, input: .none,
            output: .fileDescriptor(output, closeAfterSpawningProcess: true),
            error: .fileDescriptor(error, closeAfterSpawningProcess: true))
        if !Task.isCancelled {
            throw DemoFailure("a node ended (\(result.terminationStatus)); its log is \(log)")
        }
    }

    private static func create(_ path: String) throws -> FileDescriptor {
        try FileDescriptor.open(
            FilePath(path), .writeOnly, options: [.create, .truncate, .append],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }
}
