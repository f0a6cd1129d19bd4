import Foundation
import Glibc
import Testing

extension Integration {
    /// In a real browser (`Tests/Browser/watch.py`), from the presigned URL alone.
    @Suite("many machines: watching", .serialized, MachineStage()) struct ManyMachinesWatching {
        @Test("a published clip plays and seeks straight from S3")
        func fromS3() async throws {
            let machines = try Machines.current
            try await machines.withWorkers { _ in
                let player = try await machines.api(0).signUp()
                let id = try await machines.api(1).upload(try await Clips.shared().long, by: player)
                try await machines.expectProcessed(id, of: player)
                try await watch(id, on: machines.api(0), in: machines.cluster.folder)
            }
        }

        @Test("a published clip plays and seeks from a node's own storage")
        func fromNode() async throws {
            try await Cluster.use { cluster in
                let node = try await cluster.start("all")
                let player = try await node.api.signUp()
                let id = try await node.api.upload(try await Clips.shared().long, by: player)
                _ = try await node.api.finished(id, of: player)
                try await watch(id, on: node.api, in: cluster.folder)
            }
        }

        private func watch(_ id: String, on api: API, in folder: String) async throws {
            let listed = try #require(
                try await api.get("/api/public/videos").json.items?.first { $0["video_id"]?.text == id })
            let python = try #require(getenv("ANB_LOCAL_PYTHON").map { String(cString: $0) })
            let script = FileManager.default.currentDirectoryPath + "/Tests/Browser/watch.py"
            let seen = try JSON.parse(
                try await RunningProgram.run(
                    python,
                    [
                        script, try #require(listed["processed_url"]?.text), try #require(listed["poster_url"]?.text),
                    ], in: folder))
            #expect(seen["width"] == 1280 && seen["height"] == 720)
            // Six seconds with intro and outro.
            #expect(abs((seen["seconds"]?.number ?? 0) - 10.8) < 0.2)
            #expect((seen["frames"]?.number ?? 0) > 5)
            let seeks = try #require(seen["seeks"]?.items)
            #expect(seeks.count == 3)
            for seek in seeks {
                #expect(abs((seek["reached"]?.number ?? -1) - (seek["target"]?.number ?? 0)) < 0.1, "\(seek)")
                #expect(seek["hasPicture"] == true)
            }
            #expect(seen["ended"] == true)
            #expect(seen["posterWidth"] == 640 && seen["posterHeight"] == 360)
            let answers = try #require(seen["answers"]?.items)
            let films = answers.filter { $0["isVideo"] == true }
            #expect(!films.isEmpty && films.allSatisfy { $0["status"] == 206 || $0["status"] == 304 }, "\(answers)")
            #expect(answers.allSatisfy { ($0["status"]?.number ?? 500) < 400 }, "\(answers)")
        }
    }
}
