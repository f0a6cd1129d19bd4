import Glibc
import Testing

extension Integration {
    @Suite("metrics") struct Metrics {
        /// The published sets (Sources/Actors/Platform/MetricsEmitter.swift); each combination is a metric that is paid for.
        private static let sets: [String: [[String]]] = [
            "ANB/Backend": [["Service"], ["Service", "Route"]], "ANB/Worker": [["Service"]],
        ]

        @Test("what a node writes is EMF, and its P95 of a route is within 5 % of what the clients saw")
        func lines() async throws {
            try await Cluster.use { cluster in
                let node = try await cluster.start("all", ["metrics.intervalSeconds=1"])
                let player = try await node.api.signUp()
                let video = try await node.api.upload(try await Clips.shared().small, by: player)
                _ = try await node.api.finished(video, of: player)
                let body: JSON = .object(["email": .text(player.email), "password": .text(API.password)])
                var seen: [Double] = []
                // A password's hash takes long enough for the way through the loopback to be less than the 5 %.
                for _ in 0..<60 {
                    let start = ContinuousClock.now
                    #expect(try await node.api.post("/api/auth/login", body).status == 200)
                    seen.append((ContinuousClock.now - start).inMilliseconds)
                }
                await cluster.stopAll()
                var told: [Double] = []
                var tasks = 0.0
                for text in node.program.output.split(separator: "\n") {
                    let line = try JSON.parse(Array(text.utf8))
                    try Self.expectEMF(line)
                    if line["Route"]?.text?.hasSuffix("/api/auth/login") == true {
                        told += line["RequestDuration"].map(Self.values) ?? []
                    }
                    tasks += line["TaskCount"].map(Self.values)?.reduce(0, +) ?? 0
                }
                #expect(told.count == 60 && tasks == 1)
                let (theirs, ours) = (Self.p95(seen), Self.p95(told))
                #expect(abs(theirs - ours) <= 0.05 * theirs + 2, "clients: \(theirs) ms, metrics: \(ours) ms")
            }
        }

        private static func expectEMF(_ line: JSON) throws {
            let directive = try #require(line["_aws"]?["CloudWatchMetrics"]?[0])
            #expect((line["_aws"]?["Timestamp"]?.number ?? 0) > 1.7e12)
            let namespace = try #require(directive["Namespace"]?.text)
            for set in directive["Dimensions"]?.items ?? [] {
                let names = (set.items ?? []).compactMap(\.text)
                #expect(sets[namespace]?.contains(names) == true, "\(namespace) has dimensions \(names)")
                for name in names { #expect(line[name]?.text?.isEmpty == false) }
            }
            for metric in directive["Metrics"]?.items ?? [] {
                let name = try #require(metric["Name"]?.text)
                let values = try #require(line[name].map(Self.values))
                #expect((1...100).contains(values.count), "\(name): \(values.count) values")
                #expect(["Count", "Milliseconds", "Percent", "Megabytes"].contains(metric["Unit"]?.text))
            }
        }

        private static func values(_ json: JSON) -> [Double] {
            json.items.map { $0.compactMap(\.number) } ?? json.number.map { [$0] } ?? []
        }

        private static func p95(_ values: [Double]) -> Double {
            values.sorted()[Int((Double(values.count) * 0.95).rounded(.up)) - 1]
        }
    }

    @Suite("commands beside nodes") struct Commands {
        private static func anb(_ words: [String]) async throws -> (ending: RunningProgram.Ending, output: String) {
            try await Cluster.use { cluster in
                let program = try RunningProgram(
                    try Cluster.binary(), words, in: cluster.folder, name: "command", isGuarded: true)
                return (try await program.end(within: .seconds(30)), program.output + program.errors)
            }
        }

        /// Of the checkout that this test was built from.
        private static let root = #filePath.prefix(
            upTo: #filePath.range(of: "/Tests/IntegrationTests")?.lowerBound ?? #filePath.endIndex)

        @Test("the version is the package's, and the man page has every command and every setting")
        func version() async throws {
            let (ending, text) = try await Self.anb(["version", "--json"])
            let package = String(decoding: Files.bytes("\(Self.root)/deploy/debian/version") ?? [], as: UTF8.self)
            #expect(ending == .exited(0))
            #expect(try JSON.parse(Array(text.utf8))["version"]?.text == package.filter { !$0.isWhitespace })
            let manual = try await Self.anb(["manual"]).output
            let plain = manual.replacing("\\-", with: "-")
            for command in ["cluster roll", "backup", "restore", "plan", "doctor", "load", "dlq redrive"] {
                #expect(plain.contains(".SS anb \(command)\n"), "\(command)")
            }
            for setting in ["http.port", "drain.noticeSeconds", "worker.slots"] {
                #expect(plain.contains(".B \(setting)\n"), "\(setting)")
            }
            let completions = try await Self.anb(["--generate-completion-script", "bash"]).output
            #expect(completions.contains("restore"))
        }

        @Test("on the repository's voting night the literal reading flaps, ours does not; a wrong trace is told")
        func plan() async throws {
            let trace = "\(Self.root)/deploy/aws/voting-night.csv"
            let (ending, text) = try await Self.anb(["plan", trace, "--json", "--plot", "plan.svg"])
            #expect(ending == .exited(0))
            let plans = try JSON.parse(Array(text.utf8))
            #expect(plans["ours"]?["reversals"] == 0, "\(text)")
            #expect((plans["literal"]?["reversals"]?.number ?? 0) > 100)
            #expect(plans["ours"]?["overloaded_minutes"] == 0 && plans["ours"]?["peak_instances"] == 5)
            #expect(try await Self.anb(["plan", "/dev/null"]).ending == .exited(1))
            #expect(try await Self.anb(["plan", "missing.csv"]).ending == .exited(1))
        }
    }
}

extension Duration {
    fileprivate var inMilliseconds: Double { Double(components.attoseconds) / 1e15 + Double(components.seconds) * 1000 }
}
