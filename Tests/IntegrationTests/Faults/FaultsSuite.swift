import Glibc
import Logging
import Testing
import Transport

extension Integration {
    /// What a cluster survives: real processes, real signals. One API node stays up throughout; a test starts the
    /// nodes that it harms.
    @Suite("faults", .serialized, FaultStage()) struct Faults {
        static let lease: Duration = .seconds(6)
        /// Another node has taken over by then, after whatever death.
        static let recovery: Duration = lease + .seconds(10)
        static let worker = ["queue.leaseSeconds=6", "worker.firstRetrySeconds=1", "worker.laterRetrySeconds=1"]

        static var cluster: Cluster {
            get throws { try #require(Stage.cluster) }
        }
        static var database: ClusterDatabase {
            get throws { try #require(FaultStage.database) }
        }

        /// Runs `body` with one more node, which is stopped afterwards, whatever happened.
        static func with<Result>(
            _ role: String, _ settings: [String] = [], environment: [String: String] = [:], wrapper: [String] = [],
            _ body: (ClusterNode) async throws -> Result
        ) async throws -> Result {
            let node = try await cluster.start(
                role, settings, environment: environment, wrapper: wrapper)
            do {
                let result = try await body(node)
                await stop(node)
                return result
            } catch {
                await stop(node)
                throw error
            }
        }

        private static func stop(_ node: ClusterNode) async {
            // A stopped process takes no other signal.
            node.program.send(SIGCONT)
            await node.program.stop()
        }

        /// A worker that is there to finish what others left.
        static func withWorker<Result>(_ body: (ClusterNode) async throws -> Result) async throws -> Result {
            try await with("worker", worker, body)
        }

        /// The media tools of a node at work on a clip.
        static func encoders(of node: ClusterNode) async throws -> [pid_t] {
            try await eventually("process \(node.pid) runs ffmpeg", within: .seconds(20)) {
                let encoders = ProcessTable.encoders(of: node.pid)
                return encoders.isEmpty ? nil : encoders
            }
        }

        static func expectGone(
            _ pids: [pid_t], within bound: Duration = .seconds(2), at location: SourceLocation = #_sourceLocation
        ) async throws {
            do {
                try await untilTrue("\(pids) are gone", within: bound) { !pids.contains(where: ProcessTable.isAlive) }
            } catch {
                Issue.record("\(pids) still run after \(bound)", sourceLocation: location)
            }
        }

        /// However often it was begun: one commit, its three objects, and no trace of the rest.
        static func expectProcessedOnce(
            _ id: String, by player: API.Player, within bound: Duration = .seconds(60),
            at location: SourceLocation = #_sourceLocation
        ) async throws {
            let video = try await Stage.current.api.finished(id, of: player, within: bound)
            #expect(video["status"] == "processed", "\(video)", sourceLocation: location)
            let told = try await database.events(of: id)
            #expect(told.filter { $0 == "processed" }.count == 1, "\(told)", sourceLocation: location)
            try await expectNothingLeft(of: id, at: location)
            let objects = ["/original/\(id).mp4", "/processed/\(id).jpg", "/processed/\(id).mp4"]
            #expect(try cluster.objects.filter { $0.contains(id) } == objects, sourceLocation: location)
        }

        /// No message, no temporary file, no media tool.
        static func expectNothingLeft(of id: String, at location: SourceLocation = #_sourceLocation) async throws {
            let (cluster, database) = (try cluster, try database)
            do {
                try await untilTrue("the messages of \(id) are gone", within: recovery) {
                    try await database.messages(of: id) == 0
                }
                try await untilTrue("temporary files are gone") { cluster.temporaryFiles == [] }
                try await untilTrue("media tools are gone") {
                    ProcessTable.mediaTools(of: cluster.dataFolder).isEmpty
                }
            } catch {
                Issue.record(
                    "\(error); \(cluster.temporaryFiles) \(ProcessTable.mediaTools(of: cluster.dataFolder))",
                    sourceLocation: location)
            }
        }
    }
}

/// The cluster that all faults share: one API node, whose Reconciler is quick, and a look into the tables.
struct FaultStage: SuiteTrait, TestScoping {
    @TaskLocal static var database: ClusterDatabase?

    static let settings = [
        "reconciler.intervalSeconds=1", "reconciler.sweepSeconds=1", "reconciler.orphanAgeSeconds=5",
    ]

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await Cluster.use { cluster in
            let node = try await cluster.start("api", Self.settings)
            try await ClusterDatabase.use(of: cluster) { database in
                try await Stage.$cluster.withValue(cluster) {
                    try await Stage.$node.withValue(node) {
                        try await Self.$database.withValue(database) { try await function() }
                    }
                }
            }
        }
    }
}
