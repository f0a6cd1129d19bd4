import Glibc
import Testing

extension Integration.Faults {
    @Suite("kill -9") struct Kills {
        @Test("a worker killed with its ffmpeg is followed by another within the lease and ten seconds")
        func worker() async throws {
            let api = try Stage.current.api
            let database = try Integration.Faults.database
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            try await Integration.Faults.withWorker { victim in
                let id = try await api.upload(clips.long, by: player)
                try await untilTrue("it is claimed", within: .seconds(40)) {
                    try await database.count("claimed", of: id) == 1
                }
                let encoders = try await Integration.Faults.encoders(of: victim)
                // At once: a fast machine ends the transcode while the other worker starts.
                victim.program.send(SIGKILL)
                try await Integration.Faults.expectGone(encoders)
                try await Integration.Faults.withWorker { _ in
                    try await untilTrue("another takes over", within: Integration.Faults.recovery) {
                        try await database.count("claimed", of: id) == 2
                    }
                    try await Integration.Faults.expectProcessedOnce(id, by: player)
                }
                #expect(try await database.events(of: id) == ["uploaded", "claimed", "claimed", "processed"])
                #expect(try await database.value("attempts", of: id) == "0")
            }
        }

        @Test("of an API node killed in mid-upload nothing is left, nor of an original without a row")
        func apiNode() async throws {
            let api = try Stage.current.api
            let cluster = try Integration.Faults.cluster
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let before = cluster.objects
            try await Integration.Faults.with("api", FaultStage.settings) { node in
                let uploads = [
                    try await OpenUpload(clips.small, to: node, by: player),
                    try await OpenUpload(clips.long, to: node, by: player, first: 500_000),
                ]
                // What a node leaves that dies between the object and its row.
                let stray = cluster.dataFolder + "/objects/original/7d1f8f0e-3c1b-4d57-9d3a-0d1f5f4b2a11.mp4"
                try Files.write(clips.small, to: stray)
                node.program.send(SIGKILL)
                _ = try await node.program.end(within: .seconds(5))
                try await untilTrue("its temporary files are swept", within: .seconds(5)) {
                    cluster.temporaryFiles == []
                }
                try await untilTrue("the original without a row is removed", within: .seconds(15)) {
                    cluster.objects == before
                }
                for upload in uploads { upload.close() }
            }
            #expect(try await api.get("/api/videos", token: player.token).json == [])
        }

        enum Victim: String, CaseIterable, Sendable {
            case guardian, postmaster, backends

            func pids(in cluster: Cluster, _ database: ClusterDatabase) async throws -> [pid_t] {
                switch self {
                case .guardian: [try #require(ProcessTable.guardian(of: cluster.dataFolder))]
                case .postmaster: [try #require(ProcessTable.postmaster(of: cluster.dataFolder))]
                case .backends: try await database.backends()
                }
            }
        }

        @Test("the database's processes come back by themselves, and so do all nodes", arguments: Victim.allCases)
        func database(victim: Victim) async throws {
            let api = try Stage.current.api
            let (cluster, database) = (try Integration.Faults.cluster, try Integration.Faults.database)
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            try await Integration.Faults.withWorker { worker in
                let id = try await api.upload(clips.fullHD60, by: player)
                _ = try await Integration.Faults.encoders(of: worker)
                let victims = try await victim.pids(in: cluster, database)
                #expect(!victims.isEmpty)
                let server = ProcessTable.postmaster(of: cluster.dataFolder)
                for pid in victims { kill(pid, SIGKILL) }
                try await untilTrue("they are dead", within: .seconds(2)) {
                    !victims.contains(where: ProcessTable.isAlive)
                }
                try await untilTrue("the API node is connected again", within: .seconds(10)) {
                    // The server outlives its guardian for a moment: what it answers then is no return.
                    let current = ProcessTable.postmaster(of: cluster.dataFolder)
                    guard current != nil, victim == .backends || current != server else { return false }
                    guard try await api.get("/api/videos", token: player.token).status == 200 else { return false }
                    return try await api.get("/api/ready").status == 200
                }
                let me = try await api.get("/api/auth/me", token: player.token)
                #expect(me.json["id"]?.text == player.id)
                try await Integration.Faults.expectProcessedOnce(id, by: player)
                // The worker's connections too: the next job goes through it.
                let next = try await api.upload(clips.small, by: player)
                try await Integration.Faults.expectProcessedOnce(next, by: player)
                #expect(try await database.value("attempts", of: id) == "0", "an outage is no attempt")
                #expect(ProcessTable.guardian(of: cluster.dataFolder) != nil)
                #expect(worker.program.ending == nil)
            }
        }
    }
}
