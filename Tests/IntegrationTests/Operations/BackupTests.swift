import Glibc
import Testing

extension Integration {
    @Suite("backup and restore") struct Backups {
        private static func run(_ cluster: Cluster, _ words: [String], dataFolder: String? = nil) async throws
            -> (ending: RunningProgram.Ending, text: String)
        {
            let program = try cluster.launch(words, dataFolder: dataFolder)
            let ending = try await program.end(within: .seconds(60))
            return (ending, program.output + program.errors)
        }

        @Test("the drill: a living cluster's backup gives an empty one the same ranking and objects, and every session")
        func drill() async throws {
            try await Cluster.use { cluster in
                let node = try await cluster.start("all")
                let clip = try await Clips.shared().small
                let players = [try await node.api.signUp(), try await node.api.signUp(city: "Cali")]
                var videos: [String] = []
                for player in players {
                    videos.append(try await node.api.upload(clip, by: player))
                    _ = try await node.api.finished(videos[videos.count - 1], of: player)
                }
                for number in 0..<5 {
                    let voter = try await node.api.signUp()
                    let answer = try await node.api.call(
                        "POST", "/api/public/videos/\(videos[number % 2])/vote", token: voter.token, body: [])
                    #expect(answer.status == 200)
                }
                let ranking = try await node.api.get("/api/public/rankings").body
                let objects = Self.hashes(cluster.dataFolder)
                let backup = "\(cluster.folder)/backup"
                #expect(try await Self.run(cluster, ["backup", backup]).ending == .exited(0))
                #expect(
                    try await Self.run(cluster, ["backup", backup]).ending == .exited(1), "a folder that is in use")
                // What comes after is not in it.
                _ = try await node.api.upload(clip, by: players[0])

                // Onto the living one: refused, and nothing is changed.
                let refused = try await Self.run(cluster, ["restore", backup])
                #expect(refused.ending == .exited(1) && refused.text.contains("nodes run"), "\(refused.text)")
                #expect(try await node.api.get("/api/videos", token: players[0].token).status == 200)
                await cluster.stopAll()
                let full = try await Self.run(cluster, ["restore", backup])
                #expect(full.ending == .exited(1) && full.text.contains("must be empty"), "\(full.text)")

                // A try that broke off has left some objects.
                let fresh = "\(cluster.folder)/fresh"
                for name in ["objects", "objects/original"] {
                    mkdir(fresh, 0o700)
                    mkdir("\(fresh)/\(name)", 0o700)
                }
                let left = "/objects/original/\(videos[0]).mp4"
                try Files.copyTree(backup + left, to: fresh + left)
                // A try whose result is not what the manifest says leaves an empty database.
                let manifest = "\(backup)/manifest.json"
                let told = String(decoding: try #require(Files.bytes(manifest)), as: UTF8.self)
                let other = told.replacing(/"votes"\s*:\s*[0-9]+/, with: "\"votes\": 4711")
                #expect(other != told)
                try Files.write(Array(other.utf8), to: manifest)
                let differs = try await Self.run(cluster, ["restore", backup], dataFolder: fresh)
                #expect(differs.ending == .exited(1) && differs.text.contains("ranking differ"), "\(differs.text)")
                try Files.write(Array(told.utf8), to: manifest)
                let restored = try await Self.run(cluster, ["restore", backup, "--verify"], dataFolder: fresh)
                #expect(restored.ending == .exited(0), "\(restored.text)")
                #expect(Self.hashes(fresh) == objects && objects.count == 6)
                // What was restored can be backed up and restored, too.
                let again = "\(cluster.folder)/again"
                #expect(
                    try await Self.run(cluster, ["backup", "\(cluster.folder)/backup-2"], dataFolder: fresh).ending
                        == .exited(0))
                let second = try await Self.run(cluster, ["restore", "\(cluster.folder)/backup-2"], dataFolder: again)
                #expect(second.ending == .exited(0), "\(second.text)")
                let node2 = try await cluster.start("api", ownFolder: "again")
                let same = try await node2.api.get("/api/public/rankings").body == ranking
                #expect(same, "the ranking's bytes differ")
                // Tokens and links of before are good.
                let list = try await node2.api.get("/api/videos", token: players[0].token)
                #expect(list.json.items?.count == 1)
                let url = try #require(try await node2.api.get("/api/public/videos").json[0]?["processed_url"]?.text)
                #expect(try await node2.api.get(url.replacing(node.api.origin, with: node2.api.origin)).status == 200)
            }
        }

        @Test("a damaged backup is refused before anything is written")
        func damaged() async throws {
            try await Cluster.use { cluster in
                let node = try await cluster.start("all")
                let player = try await node.api.signUp()
                let video = try await node.api.upload(try await Clips.shared().small, by: player)
                _ = try await node.api.finished(video, of: player)
                let backup = "\(cluster.folder)/backup"
                #expect(try await Self.run(cluster, ["backup", backup]).ending == .exited(0))
                await cluster.stopAll()
                let original = "\(backup)/objects/original/\(video).mp4"
                // The store and the backup may share the file: a new one takes its place.
                let bytes = try #require(Files.bytes(original))
                unlink(original)
                try Files.write(Array(bytes.dropLast()) + [bytes[bytes.count - 1] ^ 1], to: original)
                let fresh = "\(cluster.folder)/fresh"
                let result = try await Self.run(cluster, ["restore", backup], dataFolder: fresh)
                #expect(result.ending == .exited(1) && result.text.contains("damaged"), "\(result.text)")
                #expect(access(fresh, F_OK) != 0)
                unlink("\(backup)/manifest.json")
                let nothing = try await Self.run(cluster, ["restore", backup], dataFolder: fresh)
                #expect(nothing.ending == .exited(1) && nothing.text.contains("manifest.json"), "\(nothing.text)")
            }
        }

        private static func hashes(_ dataFolder: String) -> [String: Int] {
            let root = "\(dataFolder)/objects"
            return Files.tree(root).reduce(into: [:]) { $0[$1] = Files.bytes(root + $1)?.hashValue }
        }
    }
}
