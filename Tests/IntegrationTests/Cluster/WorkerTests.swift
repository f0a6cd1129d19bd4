import Glibc
import Testing

extension Integration.Nodes {
    @Suite("workers") struct Workers {
        @Test("one API node and two workers process ten uploads, each once")
        func tenUploads() async throws {
            let api = try Stage.current.api
            let cluster = try #require(Stage.cluster)
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let before = Set(cluster.objects)
            try await Integration.Nodes.withNodes("worker", [[], []]) { workers in
                let ids = try await withThrowingTaskGroup(of: String.self) { group in
                    for number in 0..<10 {
                        group.addTask {
                            try await api.upload(clips.small, title: "Tiro \(number)", by: player)
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                for id in ids {
                    let video = try await api.finished(id, of: player, within: .seconds(60))
                    #expect(video["status"] == "processed")
                }
                try await untilTrue("both workers have told of their commits") {
                    ids.allSatisfy { id in workers.contains { $0.commits(of: id) > 0 } }
                }
                for id in ids {
                    #expect(workers.map { $0.commits(of: id) }.reduce(0, +) == 1)
                    #expect(workers.map { $0.claims(of: id) }.reduce(0, +) == 1)
                }
                for worker in workers {
                    #expect(ids.contains { worker.commits(of: $0) == 1 }, "a worker had nothing to do")
                }
                let added = Set(cluster.objects).subtracting(before)
                #expect(
                    added
                        == Set(
                            ids.flatMap { ["/original/\($0).mp4", "/processed/\($0).mp4", "/processed/\($0).jpg"] }))
                try await untilTrue("temporary files are gone") { cluster.temporaryFiles == [] }
                for worker in workers { await worker.program.stop() }
                let lines = try workers.flatMap { try $0.metricLines() }
                #expect(lines.compactMap { $0["TaskCount"]?.integer }.reduce(0, +) == 10)
                #expect(lines.compactMap { $0["TaskFailure"]?.integer }.reduce(0, +) == 0)
            }
        }

        @Test("when a worker is killed in mid-transcode its ffmpeg dies, and another takes over after the lease")
        func killed() async throws {
            let api = try Stage.current.api
            let cluster = try #require(Stage.cluster)
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let settings = ["queue.leaseSeconds=6", "drain.graceSeconds=0"]
            try await Integration.Nodes.withNodes("worker", [settings, settings]) { workers in
                let id = try await api.upload(clips.long, by: player)
                let (victim, encoders) = try await Self.transcoding(workers)
                victim.program.send(SIGKILL)
                #expect(try await victim.program.end(within: .seconds(5)) == .signalled(SIGKILL))
                try await untilTrue("the ffmpeg of the dead worker is gone", within: .seconds(2)) {
                    !encoders.contains(where: ProcessTable.isAlive)
                }
                let video = try await api.finished(id, of: player, within: .seconds(60))
                #expect(video["status"] == "processed")
                let heir = try #require(workers.first { $0.pid != victim.pid })
                try await untilTrue("the other worker has told of its commit") { heir.commits(of: id) == 1 }
                #expect(victim.commits(of: id) == 0)
                #expect(cluster.objects.filter { $0.contains(id) }.count == 3, "original, processed and poster")
            }
        }

        @Test("a worker that is told to end hands its job back at once, and the other finishes it")
        func terminated() async throws {
            let api = try Stage.current.api
            let cluster = try #require(Stage.cluster)
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let settings = ["queue.leaseSeconds=120", "drain.graceSeconds=0"]
            try await Integration.Nodes.withNodes("worker", [settings, settings]) { workers in
                let id = try await api.upload(clips.long, by: player)
                let (leaver, encoders) = try await Self.transcoding(workers)
                leaver.program.send(SIGTERM)
                #expect(try await leaver.program.end(within: .seconds(5)) == .exited(0))
                #expect(!encoders.contains(where: ProcessTable.isAlive))
                #expect(!leaver.program.errors.contains("attempt failed"))
                let heir = try #require(workers.first { $0.pid != leaver.pid })
                try await untilTrue("the other worker begins", within: .seconds(10)) { heir.claims(of: id) == 1 }
                let video = try await api.finished(id, of: player, within: .seconds(60))
                #expect(video["status"] == "processed")
                #expect(leaver.commits(of: id) == 0)
                try await untilTrue("temporary files are gone") { cluster.temporaryFiles == [] }
            }
        }

        /// The worker that runs ffmpeg on a claimed job.
        private static func transcoding(_ workers: [ClusterNode]) async throws -> (ClusterNode, [pid_t]) {
            try await eventually("a worker transcodes", within: .seconds(20)) {
                for worker in workers where worker.program.errors.contains("\"claimed\"") {
                    let encoders = ProcessTable.encoders(of: worker.pid)
                    if !encoders.isEmpty { return (worker, encoders) }
                }
                return nil
            }
        }
    }
}
