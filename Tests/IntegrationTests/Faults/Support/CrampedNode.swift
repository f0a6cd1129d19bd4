import Glibc
import Testing

/// A node (role=all) that sees small disks of its own where temporary files and objects are, in a mount namespace.
struct CrampedNode: SuiteTrait, TestScoping {
    @TaskLocal static var running: ClusterNode?

    static let diskBytes = 12_000_000

    static var current: ClusterNode {
        get throws { try #require(running) }
    }

    /// Only root may mount; a user who is mapped to root in a namespace of their own is enough.
    private static var userOptions: [String] { geteuid() == 0 ? [] : ["--user", "--map-root-user"] }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let cluster = try Integration.Faults.cluster
        let mounts = ["temp", "objects"].map { name in
            "mount -t tmpfs -o size=\(Self.diskBytes),mode=700 small '\(cluster.dataFolder)/\(name)'"
        }
        let script = (mounts + ["exec \"$@\""]).joined(separator: " && ")
        let wrapper = ["unshare", "--mount"] + Self.userOptions + ["sh", "-c", script, "cramped"]
        let settings = Integration.Faults.worker + FaultStage.settings + ["http.spoolReserveBytes=1000000"]
        let tools = try StrangeFFmpeg(.waitsAtTheGate, in: cluster)
        try await Integration.Faults.with(
            "all", settings, environment: tools.environment, wrapper: wrapper
        ) { node in
            try await Self.$running.withValue(node) {
                try await StrangeFFmpeg.$shared.withValue(tools) { try await function() }
            }
        }
    }

    /// A path of the data folder as the node sees it.
    static func path(_ name: String) throws -> String {
        "/proc/\(try current.pid)/root\(try Integration.Faults.cluster.dataFolder)/\(name)"
    }

    static func objects(of video: String) throws -> [String] {
        Files.tree(try path("objects")).filter { $0.contains(video) }
    }

    static var temporaryFiles: [String] {
        get throws { Files.tree(try path("temp")).filter { !$0.hasSuffix("/lock") } }
    }

    /// Everything in the node's store.
    static var objects: [String] {
        get throws { Files.tree(try path("objects")) }
    }

    /// Leaves no room on one of the disks until `body` is over.
    static func withoutRoom<Result>(in name: String, _ body: () async throws -> Result) async throws -> Result {
        let ballast = try path(name) + "/ballast"
        let descriptor = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw RunningProgram.Failed(description: "\(ballast): errno \(errno)") }
        defer {
            close(descriptor)
            unlink(ballast)
        }
        let block = [UInt8](repeating: 1, count: 4096)
        while write(descriptor, block, block.count) > 0 {}
        guard errno == ENOSPC else { throw RunningProgram.Failed(description: "\(ballast): errno \(errno)") }
        return try await body()
    }

    /// Nothing can be written to one of the disks until `body` is over.
    static func readOnly<Result>(_ name: String, _ body: () async throws -> Result) async throws -> Result {
        try await remount(name, "ro")
        do {
            let result = try await body()
            try await remount(name, "rw")
            return result
        } catch {
            try await remount(name, "rw")
            throw error
        }
    }

    private static func remount(_ name: String, _ mode: String) async throws {
        let cluster = try Integration.Faults.cluster
        let user = geteuid() == 0 ? [] : ["--user", "--preserve-credentials"]
        try await RunningProgram.run(
            "nsenter",
            ["--target", String(try current.pid), "--mount"] + user
                + ["mount", "-o", "remount,bind,\(mode)", "\(cluster.dataFolder)/\(name)"],
            in: cluster.folder)
    }
}
