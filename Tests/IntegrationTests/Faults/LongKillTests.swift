import Actors
import Glibc
import Testing

extension Integration {
    @Suite("deaths at random moments, long", .serialized, FaultStage()) struct LongKills {
        private enum Death: CaseIterable {
            case worker, ffmpeg, pausedWorker, apiNode, guardian, postmaster, backends
        }

        /// What is under way while nodes die.
        private struct Scene {
            var workers: [ClusterNode]
            var apiNode: ClusterNode
            var uploads: [OpenUpload] = []
            let player: API.Player
            let clips: Clips
        }

        @Test(
            "whatever dies whenever: each upload that was acknowledged is published once, and nothing else is left",
            arguments: 0..<3)
        func random(seed: UInt64) async throws {
            var random = SplitMix64(seed: seed)
            let shared = try Stage.current.api
            let (cluster, database) = (try Faults.cluster, try Faults.database)
            let clips = try await Clips.shared()
            let player = try await shared.signUp()
            let before = Set(cluster.objects)
            var scene = Scene(
                workers: [
                    try await cluster.start("worker", Faults.worker), try await cluster.start("worker", Faults.worker),
                ], apiNode: try await cluster.start("api", FaultStage.settings), player: player, clips: clips)
            var acknowledged: [String] = []
            for _ in 0..<14 {
                for clip in [clips.small, clips.fullHD60] {
                    // A database that is just coming back may refuse; what was not acknowledged is not owed.
                    if let id = try? await shared.upload(clip, by: player) { acknowledged.append(id) }
                }
                let death = Death.allCases.randomElement(using: &random) ?? .worker
                try await Task.sleep(for: .milliseconds(Int.random(in: 0..<2500, using: &random)))
                try await Self.bring(death, to: &scene, using: &random)
            }
            let ids = acknowledged
            try await untilTrue("all is decided", within: .seconds(240)) {
                try await database.number("SELECT count(*) FROM videos WHERE state < 2") == 0
            }
            for node in scene.workers + [scene.apiNode] { await node.program.stop() }
            try await Self.expectDelivered(ids, of: player, before: before)
        }

        private static func bring(_ death: Death, to scene: inout Scene, using random: inout SplitMix64) async throws {
            let (cluster, database) = (try Faults.cluster, try Faults.database)
            let index = Int.random(in: 0..<2, using: &random)
            switch death {
            case .worker:
                scene.workers[index].program.send(SIGKILL)
                _ = try await scene.workers[index].program.end(within: .seconds(5))
                scene.workers[index] = try await cluster.start("worker", Faults.worker)
            case .ffmpeg:
                for encoder in ProcessTable.encoders(of: scene.workers[index].pid) { kill(encoder, SIGKILL) }
            case .pausedWorker:
                scene.workers[index].program.send(SIGSTOP)
                try await Task.sleep(for: Faults.lease + .seconds(2))
                scene.workers[index].program.send(SIGCONT)
            case .apiNode:
                scene.uploads.append(try await OpenUpload(scene.clips.long, to: scene.apiNode, by: scene.player))
                scene.apiNode.program.send(SIGKILL)
                _ = try await scene.apiNode.program.end(within: .seconds(5))
                scene.apiNode = try await cluster.start("api", FaultStage.settings)
            case .guardian:
                if let pid = ProcessTable.guardian(of: cluster.dataFolder) { kill(pid, SIGKILL) }
            case .postmaster:
                if let pid = ProcessTable.postmaster(of: cluster.dataFolder) { kill(pid, SIGKILL) }
            case .backends:
                if let pid = try await database.backends().randomElement(using: &random) { kill(pid, SIGKILL) }
            }
        }

        /// Failed is right only where the delivery rule says so: three own failures, or three claims without a word.
        private static func expectDelivered(_ ids: [String], of player: API.Player, before: Set<String>) async throws {
            let (cluster, database) = (try Faults.cluster, try Faults.database)
            var expected = before
            let processed = try await database.texts(
                "SELECT id::text FROM videos WHERE state = 2 AND owner_id = '\(player.id)'")
            let failed = try await database.texts(
                "SELECT id::text FROM videos WHERE state = 3 AND owner_id = '\(player.id)'")
            #expect(Set(processed + failed).isSuperset(of: ids), "an acknowledged upload is lost")
            for id in processed {
                let events = try await database.events(of: id)
                #expect(events.filter { $0 == "processed" }.count == 1, "\(id): \(events)")
                expected.formUnion(["/original/\(id).mp4", "/processed/\(id).mp4", "/processed/\(id).jpg"])
            }
            for id in failed {
                let events = try await database.events(of: id)
                let counts = try await database.value("attempts || ' ' || claims", of: id) ?? ""
                let numbers = counts.split(separator: " ").compactMap { Int($0) }
                #expect(numbers.contains { $0 >= 3 }, "\(id) failed with \(counts): \(events)")
                expected.insert("/original/\(id).mp4")
            }
            let objects = expected
            try await untilTrue("no object is without a row", within: .seconds(20)) {
                Set(cluster.objects).subtracting(objects).isSubset(
                    of: failed.flatMap { ["/processed/\($0).mp4", "/processed/\($0).jpg"] })
            }
            #expect(objects.isSubset(of: cluster.objects), "an object is lost")
            try await untilTrue("temporary files are gone") { cluster.temporaryFiles == [] }
            #expect(ProcessTable.mediaTools(of: cluster.dataFolder).isEmpty)
        }
    }
}
