import Glibc
import Nodes
import Testing
import Transport

extension Integration {
    @Suite("anb cluster") struct LocalClusterTests {
        /// Runs `body` beside `anb cluster up`, once its balancer has a healthy node.
        private static func up(
            _ words: [String],
            _ body: (_ cluster: Cluster, _ balancer: API, _ program: RunningProgram) async throws -> Void
        ) async throws {
            try await Cluster.use { cluster in
                try BrandCache.lend(to: cluster.dataFolder)
                let port = try NodeProcess.freePort()
                let program = try cluster.launch(
                    ["cluster", "up", "--port", "\(port)", "--health-seconds", "0.5"] + words + [
                        "worker.slots=1", "queue.pollSeconds=1",
                    ])
                let balancer = API(client: cluster.client, origin: "http://127.0.0.1:\(port)", port: port)
                // By its whole address: nginx's own 503 is not in the nodes' document.
                try await untilTrue("a node is healthy", within: Cluster.startLimit) {
                    if let ending = program.ending {
                        throw RunningProgram.Failed(description: "\(ending): \(program.output)\(program.errors)")
                    }
                    return (try? await balancer.call("GET", balancer.origin + "/api/ready").status) == 200
                }
                try await body(cluster, balancer, program)
                program.send(SIGTERM)
                #expect(try await program.end(within: .seconds(30)) == .exited(0))
            }
        }

        private static func load(_ cluster: Cluster, _ balancer: API, _ words: [String]) throws -> RunningProgram {
            try RunningProgram(
                try Cluster.binary(), ["load", balancer.origin, "--json", "--accounts", "5"] + words,
                in: cluster.folder,
                name: "load-\(UInt32.random(in: .min ... .max))", isGuarded: true)
        }

        @Test("a roll of all nodes under load: no request failed, no vote lost, every clip processed")
        func roll() async throws {
            try await Self.up(["--api", "2", "--workers", "2"]) { cluster, balancer, program in
                // What there is to vote for: the load looks once, at its start.
                let clip = try await Clips.shared().small
                let player = try await balancer.signUp()
                for _ in 0..<6 { _ = try await balancer.upload(clip, by: player) }
                try await untilTrue("six clips are processed", within: .seconds(60)) {
                    try await balancer.get("/api/public/videos?limit=1").headers["x-total-count"] == "6"
                }
                let load = try Self.load(
                    cluster, balancer,
                    [
                        "--rate", "25", "--seconds", "20", "--mix",
                        "rankings=30,list=30,vote=30,login=3,signup=2,upload=3",
                    ])
                try await untilTrue("the load is under way", within: .seconds(20)) {
                    try await balancer.get("/api/public/rankings").json.items?.isEmpty == false
                }
                let before = program.output
                let roll = try cluster.launch(["cluster", "roll"])
                #expect(try await roll.end(within: .seconds(90)) == .exited(0), "\(roll.errors)")
                #expect(try await load.end(within: .seconds(60)) == .exited(0), "\(load.output)")
                // Four came, and four went.
                let told = program.output.dropFirst(before.count)
                #expect(told.split(separator: "\n").count { $0.hasSuffix("has drained") } == 4, "\(told)")
                let report = try JSON.parse(Array(load.output.utf8))
                #expect(report["count"] == 500 && report["failures"] == 0, "\(load.output)")
                let uploads = Int(report["actions"]?["upload"]?["statuses"]?["201"]?.number ?? 0)
                #expect(uploads > 3)
                try await untilTrue("all \(uploads) clips are processed", within: .seconds(60)) {
                    try await balancer.get("/api/public/videos?limit=1").headers["x-total-count"] == "\(uploads + 6)"
                }
                let votes = Int(report["actions"]?["vote"]?["statuses"]?["200"]?.number ?? 0)
                let ranking = try await balancer.get("/api/public/rankings?limit=100").json.items ?? []
                let counted = ranking.reduce(0) { $0 + Int($1["votes"]?.number ?? 0) }
                #expect(
                    votes > 10 && counted == votes,
                    "\(votes) votes were answered 200, \(counted) are counted: \(ranking)")
            }
        }

        @Test("API nodes come and go with the load, and a killed one comes again")
        func scaling() async throws {
            try await Self.up(["--api", "1", "--workers", "0", "--scale", "--minute-seconds", "1"]) {
                cluster, balancer, program in
                func count(_ text: String) -> Int { program.output.split(separator: "\n").count { $0.contains(text) } }
                // 60 a second: over 40 for one node, and for two of them not.
                let load = try Self.load(cluster, balancer, ["--rate", "60", "--seconds", "12", "--mix", "rankings=1"])
                #expect(try await load.end(within: .seconds(60)) == .exited(0), "\(load.output)")
                #expect(count("scaling out") >= 1 && count("api-2 is healthy") == 1, "\(program.output)")
                try await untilTrue("the second node has gone", within: .seconds(60)) { count("has drained") >= 1 }
                let status = try cluster.launch(["cluster", "status", "--json"])
                #expect(try await status.end(within: .seconds(10)) == .exited(0))
                let node = try #require(try JSON.parse(Array(status.output.utf8))["nodes"]?.items?.first)
                kill(pid_t(node["pid"]?.number ?? 0), SIGKILL)
                try await untilTrue("it serves again", within: .seconds(30)) {
                    count("it is started again") == 1 && count("api-1 is healthy") == 2
                }
            }
        }

        @Test("who is killed leaves nodes and nginx; the next one ends them, and serves")
        func killed() async throws {
            try await Cluster.use { cluster in
                try BrandCache.lend(to: cluster.dataFolder)
                let port = try NodeProcess.freePort()
                let words = [
                    "cluster", "up", "--api", "1", "--workers", "1", "--port", "\(port)", "--health-seconds", "0.5",
                ]
                let balancer = API(client: cluster.client, origin: "http://127.0.0.1:\(port)", port: port)
                func serves() async throws {
                    try await untilTrue("it serves", within: Cluster.startLimit) {
                        (try? await balancer.call("GET", balancer.origin + "/api/ready").status) == 200
                    }
                }
                let first = try cluster.launch(words)
                try await serves()
                let before = try await Self.pids(cluster)
                first.send(SIGKILL)
                _ = try await first.end(within: .seconds(5))
                #expect(before.allSatisfy(ProcessTable.isAlive) && before.count == 3)
                let roll = try cluster.launch(["cluster", "roll"])
                #expect(try await roll.end(within: .seconds(10)) == .exited(1), "nobody is there to roll")
                let second = try cluster.launch(words)
                try await untilTrue("the orphans have ended", within: .seconds(30)) {
                    !before.contains(where: ProcessTable.isAlive)
                }
                try await serves()
                let refused = try cluster.launch(words)
                #expect(try await refused.end(within: .seconds(10)) == .exited(1))
                second.send(SIGINT)
                #expect(try await second.end(within: .seconds(40)) == .exited(0), "\(second.errors)")
            }
        }

        private static func pids(_ cluster: Cluster) async throws -> [pid_t] {
            let status = try cluster.launch(["cluster", "status", "--json"])
            #expect(try await status.end(within: .seconds(10)) == .exited(0), "\(status.errors)")
            let state = try JSON.parse(Array(status.output.utf8))
            let nodes = (state["nodes"]?.items ?? []).compactMap { $0["pid"]?.number }
            return (nodes + [state["nginx"]?.number].compactMap { $0 }).map { pid_t($0) }
        }

        @Test("a roll without a cluster, and settings that are the cluster's own, are refused in a sentence")
        func refused() async throws {
            try await Cluster.use { cluster in
                let roll = try cluster.launch(["cluster", "roll"])
                #expect(try await roll.end(within: .seconds(10)) == .exited(1))
                #expect(roll.errors.contains("no cluster runs"))
                let up = try cluster.launch(["cluster", "up", "drain.noticeSeconds=3"])
                #expect(try await up.end(within: .seconds(10)) == .exited(64))
            }
        }
    }
}
