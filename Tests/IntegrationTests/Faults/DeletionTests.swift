import Glibc
import Testing

extension Integration.Faults {
    @Suite("deletion while transcoding") struct Deletions {
        @Test("a video deleted in mid-transcode stops its worker within two seconds, and nothing of it comes back")
        func deleted() async throws {
            let api = try Stage.current.api
            let (cluster, database) = (try Integration.Faults.cluster, try Integration.Faults.database)
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let stranger = try await api.signUp()
            // The next heartbeat would be too late: the worker must be told.
            try await Integration.Faults.with("worker", ["queue.leaseSeconds=12"]) { worker in
                let id = try await api.upload(clips.long, by: player)
                let encoders = try await Integration.Faults.encoders(of: worker)
                let path = "/api/videos/\(id)"
                expectError(try await api.call("DELETE", path, token: stranger.token), 403)
                expectUnauthorized(try await api.call("DELETE", path))
                #expect(encoders.allSatisfy(ProcessTable.isAlive), "refused deletions stop nothing")

                let answer = try await api.call("DELETE", path, token: player.token)
                #expect(answer.status == 200)
                #expect(answer.json["video_id"]?.text == id)
                try await Integration.Faults.expectGone(encoders)
                expectError(try await api.get(path, token: player.token), 404)
                expectError(try await api.call("DELETE", path, token: player.token), 404)
                #expect(try await api.get("/api/videos", token: player.token).json == [])

                // The slot is free again, and what comes next in it is not disturbed by what was.
                let next = try await api.upload(clips.small, by: player)
                try await Integration.Faults.expectProcessedOnce(next, by: player)
                try await Integration.Faults.expectNothingLeft(of: id)
                #expect(cluster.objects.filter { $0.contains(id) } == [])
                #expect(try await database.value("state", of: id) == nil)
                #expect(try await database.events(of: id) == ["uploaded", "claimed", "deleted"])
                #expect(try await database.deadLetters(of: id) == 0)

                // Open to votes now.
                let closed = try await api.call("DELETE", "/api/videos/\(next)", token: player.token)
                expectError(closed, 400)
                expectBilingual(closed)
                expectError(try await api.call("DELETE", "/api/videos/\(next)", token: stranger.token), 403)
                #expect(try await api.video(next, of: player)["status"] == "processed")
            }
        }

        @Test("a video deleted before anybody took it leaves neither message nor object")
        func deletedUnclaimed() async throws {
            let api = try Stage.current.api
            let cluster = try Integration.Faults.cluster
            let player = try await api.signUp()
            let id = try await api.upload(try await Clips.shared().small, by: player)
            #expect(try await api.call("DELETE", "/api/videos/\(id)", token: player.token).status == 200)
            #expect(cluster.objects.filter { $0.contains(id) } == [])
            try await Integration.Faults.withWorker { _ in
                try await Integration.Faults.expectNothingLeft(of: id)
            }
            #expect(try await Integration.Faults.database.events(of: id) == ["uploaded", "deleted"])
        }

        @Test("an erased account takes its videos, objects, votes and running transcodes along, on every node")
        func erased() async throws {
            let first = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await first.signUp(first: "Eva", last: "Nescente", city: "Mitú")
            let rival = try await first.signUp(first: "Rita", last: "Queda", city: "Mitú")
            let voter = try await first.signUp(city: "Mitú")
            try await Integration.Faults.with("api") { node in
                let second = node.api
                try await Integration.Faults.withWorker { worker in
                    let shown = try await first.upload(clips.small, by: player)
                    let rivals = try await first.upload(clips.small, by: rival)
                    for (id, owner) in [(shown, player), (rivals, rival)] {
                        #expect(try await first.finished(id, of: owner)["status"] == "processed")
                    }
                    #expect(try await first.vote(shown, by: voter).status == 200)
                    #expect(try await second.vote(rivals, by: voter).status == 200)
                    #expect(try await second.vote(rivals, by: player).status == 200)
                    for api in [first, second] {
                        try await untilTrue("both are ranked", within: .seconds(2)) {
                            try await Self.votes(api) == ["rita.queda": 2, "eva.nescente": 1]
                        }
                        #expect(try await api.get("/api/auth/me", token: player.token).status == 200)
                        #expect(try await api.get("/api/videos", token: player.token).status == 200)
                    }
                    let running = try await first.upload(clips.long, by: player)
                    let encoders = try await Integration.Faults.encoders(of: worker)

                    #expect(try await first.call("DELETE", "/api/auth", token: player.token).status == 204)
                    #expect(try await Self.votes(first) == ["rita.queda": 1])
                    expectUnauthorized(try await first.get("/api/videos", token: player.token))
                    // Sooner than a node trusts what it knows of an account.
                    try await untilTrue("the other node knows", within: .seconds(1)) {
                        guard try await second.get("/api/videos", token: player.token).status == 401 else {
                            return false
                        }
                        return try await Self.votes(second) == ["rita.queda": 1]
                    }
                    expectUnauthorized(try await second.get("/api/auth/me", token: player.token))
                    try await Integration.Faults.expectGone(encoders)
                    try await Self.expectNothing(of: [shown, running], in: [first, second])
                    expectUnauthorized(try await first.call("DELETE", "/api/auth", token: player.token))
                    let login: JSON = ["email": .text(player.email), "password": .text(API.password)]
                    #expect(try await second.post("/api/auth/login", login).status == 401)
                    let again = try await second.signUp(
                        first: "Eva", last: "Nescente", email: player.email, city: "Mitú")
                    #expect(again.id != player.id)
                    #expect(try await first.get("/api/videos", token: again.token).json == [])
                    expectUnauthorized(try await first.get("/api/auth/me", token: player.token))
                }
            }
        }

        private static func votes(_ api: API) async throws -> [String: Int] {
            var votes: [String: Int] = [:]
            for row in try await api.ranking(city: "mitu") {
                votes[row["username"]?.text ?? ""] = row["votes"]?.integer
            }
            return votes
        }

        private static func expectNothing(of ids: [String], in nodes: [API]) async throws {
            let database = try Integration.Faults.database
            for id in ids {
                try await Integration.Faults.expectNothingLeft(of: id)
                #expect(try Integration.Faults.cluster.objects.filter { $0.contains(id) } == [])
                #expect(try await database.value("state", of: id) == nil)
                #expect(try await database.number("SELECT count(*) FROM votes WHERE video_id = '\(id)'") == 0)
                for api in nodes {
                    #expect(try await !api.get("/api/public/videos").text.contains(id))
                }
            }
        }
    }
}
