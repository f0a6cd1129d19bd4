import Testing

extension Integration {
    /// The HTTP contract row by row, against one node that does everything.
    @Suite("the HTTP contract", .serialized, SharedSeason()) struct Contract {}
}

/// Players with processed videos, who read-only tests may share.
struct Season: Sendable {
    @TaskLocal static var running: Season?

    static var current: Season {
        get throws { try #require(running) }
    }

    let cluster: Cluster
    let node: ClusterNode
    let clips: Clips
    /// Of the city Medellín, in the order of their sign-up; each has one processed video.
    let players: [API.Player]
    let videos: [String]

    var api: API { node.api }
    var player: API.Player { players[0] }
    var video: String { videos[0] }
}

/// Makes the season before the first test of the suite and ends its node after the last.
struct SharedSeason: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let clips = try await Clips.shared()
        try await Cluster.use { cluster in
            let node = try await cluster.start("all")
            var players: [API.Player] = []
            var videos: [String] = []
            for name in ["Pedro", "Luisa", "Marta", "Diego"] {
                let player = try await node.api.signUp(first: name, last: "Cano", city: "Medellín")
                players.append(player)
                videos.append(try await node.api.upload(clips.small, title: "De \(name)", by: player))
            }
            for (player, video) in zip(players, videos) {
                let state = try await node.api.finished(video, of: player)
                try #require(state["status"] == "processed", "\(state)")
            }
            let season = Season(cluster: cluster, node: node, clips: clips, players: players, videos: videos)
            try await Season.$running.withValue(season) { try await function() }
        }
    }
}
