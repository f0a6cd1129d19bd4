import Glibc
import Testing

extension Integration.Nodes {
    @Suite("API nodes") struct APINodes {
        @Test("a vote shows at once on its own node and within two seconds on the other, and counts once over both")
        func votes() async throws {
            let first = try Stage.current.api
            let player = try await first.signUp(first: "Nora", last: "Nodo", city: "Leticia")
            let ids = try await Integration.Nodes.processedPair(of: player, by: first)
            try await Integration.Nodes.withNodes("api", [[]]) { nodes in
                let second = nodes[0].api
                let voter = try await second.signUp()
                #expect(try await second.vote(ids[0], by: voter).status == 200)
                #expect(try await second.ranking(city: "leticia")[0]["votes"] == 1)
                try await untilTrue("the other node shows the vote", within: .seconds(2)) {
                    try await first.ranking(city: "leticia").first?["votes"] == 1
                }
                let again = try await first.vote(ids[0], by: voter)
                expectError(again, 400, "Ya has votado por este video")
                expectError(try await second.vote(ids[0], by: player), 400)
                async let here = first.vote(ids[1], by: voter)
                async let there = second.vote(ids[1], by: voter)
                #expect(try await [here.status, there.status].sorted() == [200, 400])
                for api in [first, second] {
                    try await untilTrue("both nodes count two votes", within: .seconds(2)) {
                        try await api.ranking(city: "leticia")
                            == [["position": 1, "username": "nora.nodo", "city": "Leticia", "votes": 2]]
                    }
                }
                let status = try await first.get("/api/public/videos/\(ids[1])/vote-status", token: voter.token)
                #expect(status.json["has_voted"] == true)
            }
        }

        @Test("a node that starts later knows all votes and tokens")
        func lateNode() async throws {
            let first = try Stage.current.api
            let player = try await first.signUp()
            try await Integration.Nodes.withNodes("api", [[]]) { nodes in
                let second = nodes[0].api
                let me = try await second.get("/api/auth/me", token: player.token)
                #expect(me.json["id"]?.text == player.id)
                let path = "/api/public/rankings"
                #expect(try await second.get(path).body == first.get(path).body)
            }
        }

        @Test("an idle API node ends with 0 soon after SIGTERM, and the others go on", arguments: [SIGTERM, SIGINT])
        func terminated(signal: Int32) async throws {
            let first = try Stage.current.api
            try await Integration.Nodes.withNodes("api", [["drain.graceSeconds=0"]]) { nodes in
                nodes[0].program.send(signal)
                let ending = try await nodes[0].program.end(within: .seconds(5))
                #expect(ending == .exited(0))
                #expect(try await first.get("/api/ready").status == 200)
            }
        }

        @Test("metrics are valid Embedded Metric Format, one JSON object a line, and alone on stdout")
        func metrics() async throws {
            let lines = try await Integration.Nodes.withNodes("all", [["metrics.intervalSeconds=1"]]) { nodes in
                let api = nodes[0].api
                let clips = try await Clips.shared()
                let player = try await api.signUp()
                let id = try await api.upload(clips.small, by: player)
                _ = try await api.finished(id, of: player)
                for _ in 0..<120 { _ = try await api.get("/api/videos/\(id)") }
                _ = try await api.get("/api/nothing")
                try await untilTrue("a second interval is over", within: .seconds(10)) {
                    nodes[0].program.output.contains("ProcessCPU")
                }
                await nodes[0].program.stop()
                #expect(!nodes[0].program.output.contains(id), "a raw path is no dimension")
                #expect(!nodes[0].program.errors.contains("_aws"))
                return try nodes[0].metricLines()
            }
            var names: [String: Set<String>] = [:]
            for line in lines { try Self.check(line, into: &names) }
            #expect(
                names["ANB/Backend"]?.isSuperset(of: [
                    "RequestCount", "RequestDuration", "ErrorCount", "ProcessCPU", "ProcessMemoryMB",
                ]) == true, "\(names)")
            #expect(
                names["ANB/Worker"]?.isSuperset(of: ["TaskCount", "TaskDuration", "ProcessCPU", "ProcessMemoryMB"])
                    == true, "\(names)")
            let denied = lines.filter { $0["Route"]?.text?.contains("/api/videos/{") == true }
            #expect(denied.compactMap { $0["RequestCount"]?.integer }.reduce(0, +) >= 120)
        }

        /// Amazon CloudWatch User Guide, "Specification: Embedded metric format".
        private static func check(_ line: JSON, into names: inout [String: Set<String>]) throws {
            let time = try #require(line["_aws"]?["Timestamp"]?.number)
            #expect(time > 1.7e12 && time == time.rounded(), "milliseconds since 1970")
            let directives = try #require(line["_aws"]?["CloudWatchMetrics"]?.items)
            #expect(!directives.isEmpty)
            for directive in directives {
                let namespace = try #require(directive["Namespace"]?.text)
                for set in try #require(directive["Dimensions"]?.items) {
                    for dimension in try #require(set.items) {
                        let name = try #require(dimension.text)
                        #expect(line[name]?.text?.isEmpty == false, "dimension \(name) has no value")
                    }
                }
                let metrics = try #require(directive["Metrics"]?.items)
                #expect(!metrics.isEmpty && metrics.count <= 100)
                for metric in metrics {
                    let name = try #require(metric["Name"]?.text)
                    #expect(metric["Unit"]?.text != nil)
                    names[namespace, default: []].insert(name)
                    let value = try #require(line[name])
                    let values = value.items ?? [value]
                    #expect((1...100).contains(values.count), "\(name)")
                    #expect(values.allSatisfy { $0.number != nil }, "\(name)")
                }
            }
        }
    }
}
