import Testing

extension Integration.Operations {
    @Suite("anb load") struct LoadCommandTests {
        /// Without a data folder: the command has none.
        private static func load(_ words: [String]) async throws -> (ending: RunningProgram.Ending, output: String) {
            let folder = try #require(Stage.cluster).folder
            let program = try RunningProgram(
                try Cluster.binary(), ["load"] + words, in: folder, name: "load-\(UInt32.random(in: .min ... .max))",
                isGuarded: true)
            return (try await program.end(within: .seconds(30)), program.output)
        }

        @Test("a mix of everything is answered, counted and drawn")
        func run() async throws {
            let cluster = try #require(Stage.cluster)
            let api = try Stage.current.api
            let plot = cluster.folder + "/load.svg"
            let (ending, output) = try await Self.load([
                api.origin, "--rate", "20", "--seconds", "3", "--accounts", "3", "--json", "--plot", plot,
                "--mix", "rankings=4,list=4,vote=4,login=1,signup=1,upload=1,health=1",
            ])
            #expect(ending == .exited(0), "\(output)")
            let report = try JSON.parse(Array(output.utf8))
            #expect(report["count"] == 60 && report["failures"] == 0)
            #expect((report["p99_ms"]?.number ?? 0) >= (report["p50_ms"]?.number ?? 1))
            #expect(report["actions"]?["rankings"]?["statuses"]?["200"] != nil)
            #expect(String(decoding: Files.bytes(plot) ?? [], as: UTF8.self).hasPrefix("<svg"))
        }

        @Test("nothing there, or nonsense, is told in a sentence")
        func refusals() async throws {
            #expect(
                try await Self.load(["http://127.0.0.1:1", "--seconds", "1"]).ending
                    == .exited(69))
            for words in [["ftp://a"], ["http://a", "--mix", "fly=1"], ["http://a", "--rate", "0"]] {
                #expect(try await Self.load(words).ending == .exited(64))
            }
        }
    }
}
