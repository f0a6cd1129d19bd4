import Glibc
import Testing

extension Integration {
    @Suite("the life of a data folder", .serialized) struct Life {
        @Test("a restart of all nodes keeps everything, and the last node's end leaves no database process")
        func restart() async throws {
            let clips = try await Clips.shared()
            try await Cluster.use { cluster in
                let before = try await cluster.start("all")
                let player = try await before.api.signUp(first: "Ida", last: "Vuelta", city: "Pasto")
                let id = try await before.api.upload(clips.small, by: player)
                let video = try await before.api.finished(id, of: player)
                let link = try #require(video["processed_url"]?.text)
                let film = try await before.api.get(link).body
                let voter = try await before.api.signUp()
                #expect(try await before.api.vote(id, by: voter).status == 200)
                let ranking = try await before.api.get("/api/public/rankings").body
                #expect(!ProcessTable.servers(of: cluster.dataFolder).isEmpty)

                await cluster.stopAll()
                #expect(before.program.ending == .exited(0))
                try await untilTrue("the database is gone with the last node", within: .seconds(10)) {
                    ProcessTable.servers(of: cluster.dataFolder).isEmpty
                }
                #expect(cluster.temporaryFiles == [])

                let after = try await cluster.start("api")
                #expect(try await after.api.get("/api/public/rankings").body == ranking)
                #expect(try await after.api.get("/api/auth/me", token: player.token).status == 200)
                let login: JSON = ["email": .text(player.email), "password": .text(API.password)]
                #expect(try await after.api.post("/api/auth/login", login).status == 200)
                #expect(try await after.api.video(id, of: player)["votes"] == 1)
                let moved = link.replacing(before.api.origin, with: after.api.origin)
                #expect(try await after.api.get(moved).body == film)
                expectError(try await after.api.vote(id, by: voter), 400, "Ya has votado")
            }
        }

        @Test("a node that is killed takes its database along, and the next start finds all and sweeps its files")
        func killed() async throws {
            try await Cluster.use { cluster in
                let before = try await cluster.start("api")
                let player = try await before.api.signUp()
                let connection = try RawConnection(port: before.port)
                _ = try await connection.send(
                    "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(player.token)\r\n"
                        + "Content-Type: multipart/form-data; boundary=\(MultipartForm.boundary)\r\n"
                        + "Content-Length: 5000000\r\n\r\n")
                _ = try await connection.send(MultipartForm.head(of: .file([])) + [UInt8](repeating: 1, count: 100_000))
                try await untilTrue("an upload is spooled") { cluster.temporaryFiles != [] }
                before.program.send(SIGKILL)
                _ = try await before.program.end(within: .seconds(5))
                try await untilTrue("the database is gone with the last node", within: .seconds(10)) {
                    ProcessTable.servers(of: cluster.dataFolder).isEmpty
                }
                let after = try await cluster.start("api")
                #expect(try await after.api.get("/api/auth/me", token: player.token).status == 200)
                try await untilTrue("the dead node's files are swept", within: .seconds(5)) {
                    cluster.temporaryFiles == []
                }
            }
        }
    }
}
