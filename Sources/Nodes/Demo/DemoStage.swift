import FoundationEssentials
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
                folder: folder.path, ports: [try NodeProcess.freePort(), try NodeProcess.freePort()],
                executable: try DatabaseService.ownExecutable())
        }
        throw DemoFailure("no folder for the demo could be had below \(dataDir)")
    }

    func nodes(_ layout: Layout) -> [NodeProcess] {
        func node(_ name: String, _ arguments: [String]) -> NodeProcess {
            let ownFolder = layout == .manyMachines ? "\(folder)/\(name)" : folder
            let common = ["dataDir=\(ownFolder)", "http.host=127.0.0.1", "metrics.intervalSeconds=10"]
            return NodeProcess(
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
}
