import Testing

extension Integration {
    /// One API node, with others beside it on the same data folder.
    @Suite("several nodes on one data folder", .serialized, .sharedNode("api", "reconciler.intervalSeconds=2"))
    struct Nodes {
        /// Runs `body` with further nodes and stops them afterwards, whatever happened.
        static func withNodes<Result>(
            _ role: String, _ settings: [[String]], _ body: ([ClusterNode]) async throws -> Result
        ) async throws -> Result {
            let cluster = try #require(Stage.cluster)
            var nodes: [ClusterNode] = []
            do {
                for settings in settings { nodes.append(try await cluster.start(role, settings)) }
                let result = try await body(nodes)
                for node in nodes { await node.program.stop() }
                return result
            } catch {
                for node in nodes { await node.program.stop() }
                throw error
            }
        }

        /// Two videos of a player, processed by a worker that has gone.
        static func processedPair(of player: API.Player, by api: API) async throws -> [String] {
            let clips = try await Clips.shared()
            return try await withNodes("worker", [[]]) { _ in
                var ids: [String] = []
                for _ in 0..<2 { ids.append(try await api.upload(clips.small, by: player)) }
                for id in ids { #expect(try await api.finished(id, of: player)["status"] == "processed") }
                return ids
            }
        }
    }
}

extension ClusterNode {
    /// How often the log says that this node committed a video.
    func commits(of video: String) -> Int {
        records("processed", of: video).count
    }

    func claims(of video: String) -> Int { records("claimed", of: video).count }

    /// The log's records with this message about this video.
    private func records(_ message: String, of video: String) -> [JSON] {
        logRecords.filter { $0["message"]?.text == message && $0["video_id"]?.text == video }
    }

    /// What it has logged, but for lines that are no records.
    var logRecords: [JSON] { program.errors.split(separator: "\n").compactMap { try? JSON.parse(Array($0.utf8)) } }

    /// The lines of Embedded Metric Format that it has written.
    func metricLines() throws -> [JSON] {
        try program.output.split(separator: "\n").map { try JSON.parse(Array($0.utf8)) }
    }
}
