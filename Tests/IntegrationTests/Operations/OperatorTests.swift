import Glibc
import Testing

extension Integration {
    /// What operators see: commands beside running nodes, logs, metrics.
    @Suite("operations", .serialized, .sharedNode("all", "http.spoolReserveBytes=1000", "log.level=info"))
    struct Operations {
        /// Runs the binary as an operator does.
        static func anb(_ words: [String]) async throws -> (ending: RunningProgram.Ending, output: String) {
            let cluster = try #require(Stage.cluster)
            let program = try cluster.launch(words)
            let ending = try await program.end(within: .seconds(30))
            return (ending, program.output)
        }

        private func json(_ words: String...) async throws -> JSON {
            let (ending, output) = try await Self.anb(words + ["--json"])
            #expect(ending == .exited(0))
            return try JSON.parse(Array(output.utf8))
        }

        @Test("a trace tells each change of a video, with the request that began it; the log's records name both")
        func trace() async throws {
            let api = try Stage.current.api
            let player = try await api.signUp()
            let form = MultipartForm.video(try await Clips.shared().small, title: "Rastro")
            let answer = try await api.call(
                "POST", "/api/videos/upload", token: player.token, body: form.bytes,
                headers: ["Content-Type": form.contentType, "X-Request-Id": "trace-me-7"])
            let id = try #require(answer.json["video_id"]?.text)
            #expect(try await api.finished(id, of: player)["status"] == "processed")
            let events = try #require(try await json("video", "trace", id).items)
            #expect(events.compactMap { $0["event"]?.text } == ["uploaded", "claimed", "processed"])
            #expect(events.first?["request_id"] == "trace-me-7")
            #expect(events.allSatisfy { $0["node"]?.text?.isLowerCaseUUID == true })
            for message in ["uploaded", "claimed", "processed"] {
                #expect(
                    try Stage.current.logRecords.contains {
                        $0["message"]?.text == message && $0["video_id"]?.text == id
                            && $0["request_id"] == "trace-me-7"
                    }, "no record \(message)")
            }
            let (ending, text) = try await Self.anb(["video", "trace", id])
            #expect(ending == .exited(0) && text.contains("trace-me-7") && text.contains("claimed"))
            #expect(try await Self.anb(["video", "trace", player.id]).ending == .exited(1))
            #expect(try await Self.anb(["video", "trace", "x"]).ending == .exited(64))
        }

        @Test("the queue is empty when nothing is to be done, and says so")
        func queue() async throws {
            let empty: JSON = ["visible": 0, "in_flight": 0, "delayed": 0]
            try await untilTrue("the queue is empty") { try await json("queue")["queue"] == empty }
            #expect(try await json("queue")["oldest_unfinished_seconds"] == .null)
            let (ending, text) = try await Self.anb(["queue"])
            #expect(ending == .exited(0) && text.contains("nothing is unfinished"))
        }

        @Test("without dead letters there is nothing to list, show or redrive")
        func deadLetters() async throws {
            #expect(try await json("dlq", "list") == [])
            let id = "11111111-2222-4333-8444-555555555555"
            #expect(try await Self.anb(["dlq", "show", id]).ending == .exited(1))
            #expect(try await Self.anb(["dlq", "redrive", id]).ending == .exited(1))
            #expect(try await Self.anb(["dlq", "redrive"]).ending == .exited(64))
            #expect(try await Self.anb(["dlq", "redrive", "--all"]).ending == .exited(0))
        }

        @Test("the doctor finds this machine fit, and a folder that cannot be used unfit")
        func doctor() async throws {
            let checks = try #require(try await json("doctor", "port=0").items)
            #expect(checks.count >= 7)
            #expect(checks.allSatisfy { $0["verdict"]?.text != "fail" }, "\(checks)")
            let cluster = try #require(Stage.cluster)
            try Files.write([], to: cluster.folder + "/file")
            let program = try RunningProgram(
                Cluster.binary(), ["doctor", "dataDir=\(cluster.folder)/file/x"], in: cluster.folder, name: "doctor",
                isGuarded: true)
            #expect(try await program.end(within: .seconds(30)) == .exited(1))
            #expect(program.output.contains("FAIL") && program.output.contains("dataDir="))
        }

        @Test("a metrics reader that never reads, or is gone, does not hold a node up")
        func blockedOutput() async throws {
            let cluster = try #require(Stage.cluster)
            for reader in ["exec sleep 1000", "exec true"] {
                // The node's standard output is a pipe to that reader.
                let script = "\"$0\" role=api port=0 metrics.intervalSeconds=1 dataDir=\"$1\" | { \(reader); }"
                let shell = try RunningProgram(
                    "/bin/sh", ["-c", script, Cluster.binary(), cluster.dataFolder], in: cluster.folder,
                    name: "piped-\(reader.count)", isGuarded: true)
                let port = try await eventually("the node listens") { Cluster.port(in: shell.errors) }
                let api = API(client: cluster.client, origin: "http://127.0.0.1:\(port)", port: port)
                // Many routes, each a line an interval: a pipe holds 64 KiB.
                for round in 0..<60 {
                    for path in ["/api/health", "/api/public/videos", "/api/public/rankings", "/api/ready", "/none"] {
                        for _ in 0..<25 { _ = try await api.get("\(path)?round=\(round)") }
                    }
                }
                #expect(try await api.get("/api/health").status == 200)
                let children = ProcessTable.entries().filter { $0.parent == shell.pid }
                for child in children where child.name == "anb" { kill(child.pid, SIGTERM) }
                try await untilTrue("the node drains", within: .seconds(10)) {
                    children.allSatisfy { $0.name != "anb" || !ProcessTable.isAlive($0.pid) }
                }
                for child in children where child.name != "anb" { kill(child.pid, SIGKILL) }
                _ = try await shell.end(within: .seconds(5))
            }
        }
    }
}
