import Glibc
import Testing

extension Integration.Faults {
    @Suite("the database is away") struct Outages {
        @Test("what needs the database answers 503 with Retry-After, the rest goes on, and all is well afterwards")
        func frozen() async throws {
            let shared = try Stage.current.api
            let cluster = try Integration.Faults.cluster
            let clips = try await Clips.shared()
            let player = try await shared.signUp(first: "Olga", last: "Corte", city: "Inírida")
            let voter = try await shared.signUp()
            let (id, pending) = try await Integration.Faults.withWorker { _ in
                let id = try await shared.upload(clips.small, by: player)
                #expect(try await shared.finished(id, of: player)["status"] == "processed")
                #expect(try await shared.vote(id, by: voter).status == 200)
                return (id, try await shared.signUp())
            }
            try await Integration.Faults.with("api", ["database.statementSeconds=1"]) { node in
                let api = node.api
                let ranking = try await api.get("/api/public/rankings").body
                let link = try #require(try await api.video(id, of: player)["processed_url"]?.text)
                let film = try await api.get(link).body
                let postmaster = try #require(ProcessTable.postmaster(of: cluster.dataFolder))
                let server = [postmaster] + ProcessTable.children(of: postmaster)
                for pid in server { kill(pid, SIGSTOP) }
                defer { for pid in server { kill(pid, SIGCONT) } }

                // Side by side, as each waits for its statement's deadline.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (name, call) in Self.callsThatNeedTheDatabase(api, id, player, pending, clips) {
                        group.addTask {
                            let answer = try await call()
                            #expect(answer.status == 503, "\(name): \(answer.text)")
                            expectError(answer, 503)
                            expectBilingual(answer)
                            #expect(Int(answer.headers["Retry-After"] ?? "") ?? 0 > 0, "\(name)")
                        }
                    }
                    group.addTask { () async throws -> Void in
                        for _ in 0..<20 {
                            #expect(try await api.get("/api/public/rankings").body == ranking)
                            #expect(try await api.get("/api/health").status == 200)
                            #expect(try await api.get("/openapi.json").status == 200)
                            #expect(try await api.get("/docs").status == 200)
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await api.get(link).body == film)
                #expect(try await api.get("/api/health").json["database"] == "unreachable")
                #expect(try await api.get("/api/ready").status == 503)
                #expect(cluster.temporaryFiles == [])

                for pid in server { kill(pid, SIGCONT) }
                try await untilTrue("the node is ready again", within: .seconds(10)) {
                    try await api.get("/api/ready").status == 200
                }
                #expect(try await api.get("/api/auth/me", token: pending.token).status == 200, "nobody was erased")
                // A vote that was refused may stand nevertheless: then it is said to have been cast.
                #expect([200, 400].contains(try await api.vote(id, by: pending).status))
                try await untilTrue("both votes count, each once", within: .seconds(2)) {
                    try await api.ranking(city: "inirida").first?["votes"] == 2
                }
                #expect(try await api.video(id, of: player)["status"] == "processed")
            }
        }

        private static func callsThatNeedTheDatabase(
            _ api: API, _ id: String, _ player: API.Player, _ pending: API.Player, _ clips: Clips
        ) -> [(String, @Sendable () async throws -> Answer)] {
            let form = MultipartForm.video(clips.small, title: "Uno")
            let signUp = JSON.object(API.signUpForm(first: "A", last: "B", email: API.freshEmail(), city: "C"))
            let login: JSON = ["email": .text(player.email), "password": .text(API.password)]
            return [
                ("list", { try await api.get("/api/videos", token: player.token) }),
                ("detail", { try await api.get("/api/videos/\(id)", token: player.token) }),
                ("delete", { try await api.call("DELETE", "/api/videos/\(id)", token: player.token) }),
                ("upload", { try await api.post("/api/videos/upload", form, token: player.token) }),
                ("vote status", { try await api.get("/api/public/videos/\(id)/vote-status", token: pending.token) }),
                ("original", { try await api.get("/api/videos/original/\(id)", token: player.token) }),
                ("public list that is in no node's memory", { try await api.get("/api/public/videos?city=nadie") }),
                ("vote", { try await api.vote(id, by: pending) }),
                ("me", { try await api.get("/api/auth/me", token: player.token) }),
                ("erase", { try await api.call("DELETE", "/api/auth", token: pending.token) }),
                ("sign-up", { try await api.post("/api/auth/signup", signUp) }),
                ("login", { try await api.post("/api/auth/login", login) }),
            ]
        }
    }
}
