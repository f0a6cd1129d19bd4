import Testing

extension Integration {
    /// Against a node without a worker: what is uploaded stays `uploaded`.
    @Suite("uploads", .serialized, .sharedNode("api", "contest.maxFileBytes=2000000", "http.maxUploads=3"))
    struct Uploads {
        static let maximumFileBytes = 2_000_000
        static let maximumUploads = 3
    }
}

/// The traces that an upload may leave: rows of its player, objects and temporary files.
struct UploadTraces: Sendable {
    let player: API.Player
    private let objects: [String]

    init(of player: API.Player) throws {
        self.player = player
        objects = try #require(Stage.cluster).objects
    }

    /// Nothing is left that was not there before, and the next good clip goes through.
    func expectNone(clip: [UInt8], at location: SourceLocation = #_sourceLocation) async throws {
        let api = try Stage.current.api
        let cluster = try #require(Stage.cluster)
        let rows = try await api.get("/api/videos", token: player.token)
        #expect(rows.json == [], sourceLocation: location)
        #expect(cluster.objects == objects, sourceLocation: location)
        #expect(cluster.temporaryFiles == [], sourceLocation: location)
        let id = try await api.upload(clip, by: player)
        #expect(try await api.video(id, of: player)["status"] == "uploaded", sourceLocation: location)
        #expect(cluster.objects.count == objects.count + 1, sourceLocation: location)
        #expect(cluster.temporaryFiles == [], sourceLocation: location)
    }
}
