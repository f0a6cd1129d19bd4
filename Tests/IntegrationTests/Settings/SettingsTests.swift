import FoundationEssentials
import Glibc
import Testing

extension Integration {
    /// Settings whose effect a client or an operator sees; each test starts an API node of its own with one of them.
    @Suite("settings", .serialized, .sharedNode("all")) struct Settings {
        private func withNode<Result>(_ settings: String..., body: (ClusterNode) async throws -> Result) async throws
            -> Result
        {
            let cluster = try #require(Stage.cluster)
            let node = try await cluster.start("api", settings)
            do {
                let result = try await body(node)
                await node.program.stop()
                return result
            } catch {
                await node.program.stop()
                throw error
            }
        }

        @Test("http.host: only that address is listened to")
        func host() async throws {
            let cluster = try #require(Stage.cluster)
            let program = try cluster.launch(["role=api", "port=0", "http.host=127.0.0.2"])
            let port = try await eventually("it listens") { Cluster.port(in: program.errors) }
            #expect(throws: RawConnection.Broken.self) { try RawConnection(port: port) }
            let there = API(client: cluster.client, origin: "http://127.0.0.2:\(port)", port: port)
            #expect(try await there.get("/api/health").status == 200)
            await program.stop()
        }

        @Test("http.publicURL: links lead there")
        func publicURL() async throws {
            try await withNode("http.publicURL=https://anb.example") { node in
                let player = try await node.api.signUp()
                let id = try await node.api.upload(try await Clips.shared().small, by: player)
                let link = try await node.api.video(id, of: player)["original_url"]?.text
                #expect(link?.hasPrefix("https://anb.example/media/") == true, "\(link ?? "-")")
            }
        }

        @Test("http.spoolReserveBytes: without that much room uploads are refused with 503")
        func reserve() async throws {
            try await withNode("http.spoolReserveBytes=1000000000000") { node in
                let player = try await node.api.signUp()
                let answer = try await node.api.post(
                    "/api/videos/upload", .video(try await Clips.shared().small, title: "x"), token: player.token)
                expectError(answer, 503)
                #expect(answer.headers["Retry-After"] != nil)
            }
        }

        @Test("http.maxBodyBytes: a longer JSON body is refused")
        func bodyBytes() async throws {
            let form = API.signUpForm(first: "A", last: String(repeating: "b", count: 1500), email: "x", city: "Cali")
            try await withNode("http.maxBodyBytes=1024") { node in
                let answer = try await node.api.post("/api/auth/signup", .object(form))
                #expect(answer.status == 413)
            }
            #expect(try await Stage.current.api.post("/api/auth/signup", .object(form)).status == 422)
        }

        @Test("http.idleSeconds: a connection on which nothing moves is closed")
        func idle() async throws {
            try await withNode("http.idleSeconds=1") { node in
                let connection = try RawConnection(port: node.port)
                try await connection.receive(within: .seconds(10)) { _ in false }
                #expect(connection.isOver)
            }
        }

        @Test("http.corsOrigins: a listed origin may read answers, another may not")
        func origins() async throws {
            try await withNode("http.corsOrigins=https://a.example") { node in
                let listed = try await node.api.get("/api/health", headers: ["Origin": "https://a.example"])
                #expect(listed.headers["Access-Control-Allow-Origin"] == "https://a.example")
                let other = try await node.api.get("/api/health", headers: ["Origin": "https://b.example"])
                #expect(other.headers["Access-Control-Allow-Origin"] == nil)
            }
        }

        @Test("database.url: a node with a database of its own needs no embedded one, and says when it is not there")
        func databaseURL() async throws {
            let cluster = try #require(Stage.cluster)
            let key = "k:" + Data(repeating: 7, count: 32).base64EncodedString()
            let program = try cluster.launch(
                ["role=api", "port=0", "database.statementSeconds=1"],
                environment: ["DATABASE_URL": "postgres://nobody:secret@127.0.0.1:1/none", "ANB_AUTH_KEYS": key])
            #expect(try await program.end(within: .seconds(30)) == .exited(1))
            #expect(program.errors.contains("database") && !program.errors.contains("secret"))
        }

        @Test("beyond the embedded default a node without keys or password does not start, and tells neither")
        func secrets() async throws {
            let cluster = try #require(Stage.cluster)
            let good = "k:" + Data(repeating: 7, count: 32).base64EncodedString()
            let weak = "k:c2VjcmV0"
            for (environment, fragment) in [
                (["DATABASE_URL": "postgres://u:pw-7@127.0.0.1:1/x"], "auth.keys"),
                (["DATABASE_URL": "postgres://u:pw-7@127.0.0.1:1/x", "ANB_AUTH_KEYS": weak], "auth.keys"),
                (["DATABASE_URL": "postgres://u@127.0.0.1:1/x", "ANB_AUTH_KEYS": good], "database.passwordFile"),
                (["ANB_STORAGE_KIND": "s3", "ANB_AUTH_KEYS": good], "storage.bucket"),
                (["ANB_QUEUE_KIND": "sqs", "ANB_QUEUE_ENDPOINT": "x", "ANB_AUTH_KEYS": good], "queue.endpoint"),
            ] {
                let program = try cluster.launch(["role=api", "port=0"], environment: environment)
                #expect(try await program.end(within: .seconds(30)) == .exited(64), "\(environment)")
                #expect(program.errors.contains(fragment), "\(program.errors)")
                for secret in ["pw-7", "c2VjcmV0", "BwcHBwcH"] { #expect(!program.errors.contains(secret)) }
            }
            let shown = try cluster.launch(["role=api", "auth.keys=\(good)"])
            #expect(try await shown.end(within: .seconds(30)) == .exited(64))
            #expect(!shown.errors.contains("BwcHBwcH"))
        }

        @Test("contest rules: size, duration, lines, pixels and number of videos are what the settings say")
        func contest() async throws {
            let small = try await Clips.shared().small
            for (setting, fragment) in [
                ("contest.maxFileBytes=1000", "tamaño"), ("contest.minSeconds=20", "mínimo"),
                ("contest.maxSeconds=1", "máximo"), ("contest.minLines=1080", "líneas"),
                ("contest.maxPixels=50000", "píxeles"), ("contest.maxFrameRate=5", "cuadros por segundo"),
                ("contest.maxStreams=1", "pistas"),
            ] {
                try await withNode(setting) { node in
                    let player = try await node.api.signUp()
                    let answer = try await node.api.post(
                        "/api/videos/upload", .video(small, title: "x"), token: player.token)
                    expectError(answer, 400, fragment)
                }
            }
            try await withNode("contest.maxVideosPerPlayer=1") { node in
                let player = try await node.api.signUp()
                _ = try await node.api.upload(small, by: player)
                let answer = try await node.api.post(
                    "/api/videos/upload", .video(small, title: "x"), token: player.token)
                expectError(answer, 400, "máximo")
            }
        }

        @Test("contest.allowSelfVote: a player's vote for an own video counts")
        func selfVote() async throws {
            let api = try Stage.current.api
            let player = try await api.signUp()
            let id = try await api.upload(try await Clips.shared().small, by: player)
            _ = try await api.finished(id, of: player)
            expectError(try await api.vote(id, by: player), 400)
            try await withNode("contest.allowSelfVote=true") { node in
                let answer = try await node.api.vote(id, by: player)
                #expect(answer.status == 200)
            }
        }

        @Test("auth.tokenSeconds: tokens say how long they live")
        func tokens() async throws {
            try await withNode("auth.tokenSeconds=60") { node in
                let player = try await node.api.signUp()
                let login: JSON = ["email": .text(player.email), "password": .text(API.password)]
                #expect(try await node.api.post("/api/auth/login", login).json["expires_in"] == 60)
            }
        }

        @Test("log.format and log.level: text in place of JSON, and each request where debug is wanted")
        func log() async throws {
            let cluster = try #require(Stage.cluster)
            let program = try cluster.launch(["role=api", "port=0", "log.format=text"])
            try await untilTrue("it listens") { program.errors.contains("listening  ") }
            #expect(program.errors.contains(" NOTICE   listening  "))
            await program.stop()
            try await withNode("log.level=debug") { node in
                _ = try await node.api.get("/api/public/rankings")
                try await untilTrue("the request is logged") {
                    node.logRecords.contains { $0["path"] == "/api/public/rankings" && $0["status"] == "200" }
                }
            }
            // Its folder of temporary files is there: from here on a signal drains it, which is told at other levels.
            let before = Files.tree(cluster.dataFolder + "/temp").count
            let quiet = try cluster.launch(["role=api", "port=0", "log.level=error", "log.format=json"])
            try await untilTrue("it has started") { Files.tree(cluster.dataFolder + "/temp").count > before }
            quiet.send(SIGTERM)
            _ = try await quiet.end(within: .seconds(15))
            #expect(quiet.errors == "")
        }
    }
}
