import Testing

extension Integration {
    /// Starts that end with one sentence and the exit code that says whose mistake it was.
    @Suite("starts that fail", .serialized) struct StartFailures {
        struct Case: Sendable, CustomTestStringConvertible {
            let arguments: [String]
            var environment: [String: String] = [:]
            var file: String?
            let fragments: [String]

            var testDescription: String { "\(arguments) \(environment) \(file ?? "")" }
        }

        static let cases = [
            Case(arguments: ["role=judge"], fragments: ["judge", "api", "worker", "all"]),
            Case(arguments: ["port=0"], fragments: ["role", "api", "worker", "all"]),
            Case(arguments: ["role=api", "prot=1"], fragments: ["prot", "port"]),
            Case(arguments: ["role=api", "port=many"], fragments: ["port", "many"]),
            Case(arguments: ["role=api", "port=70000"], fragments: ["port", "65535"]),
            Case(arguments: ["role=api", "port=1", "port=2"], fragments: ["port", "twice"]),
            Case(arguments: ["role=api", "8080"], fragments: ["8080", "key=value"]),
            Case(arguments: ["role=api", "kind=local"], fragments: ["storage.kind", "queue.kind"]),
            Case(arguments: ["role=api", "queue.kind=rabbit"], fragments: ["queue.kind", "local"]),
            Case(arguments: ["role=api", "config=/nowhere/cluster.json"], fragments: ["/nowhere"]),
            Case(
                arguments: ["role=api"], environment: ["ANB_QUEUE_LEASE_SECONDS": "soon"],
                fragments: ["ANB_QUEUE_LEASE_SECONDS", "soon"]),
            Case(arguments: ["role=api"], environment: ["PORT": "x"], fragments: ["PORT", "x"]),
            file(#"{"queue":{"leaseSecond":3}}"#, "$.queue.leaseSecond", "leaseSeconds"),
            file(#"{"quque":{}}"#, "$.quque", "queue"),
            file(#"{"http":{"port":"8080"}}"#, "$.http.port", "whole number"),
            file(#"{"http":{"port":80.5}}"#, "$.http.port"),
            file(#"{"queue":{"leaseSeconds":1}}"#, "$.queue.leaseSeconds", "6"),
            file(#"{"contest":{"allowSelfVote":"yes"}}"#, "$.contest.allowSelfVote"),
            file(#"{"http":7}"#, "$.http"),
            file(#"{"http":{"port":1},}}"#, "JSON"),
            file("[]", "object"),
        ]

        private static func file(_ text: String, _ fragments: String...) -> Case {
            Case(arguments: ["role=api"], file: text, fragments: fragments)
        }

        @Test("a wrong start ends with 64 and one sentence that names what is valid", arguments: cases)
        func usage(wrong: Case) async throws {
            try await Cluster.use { cluster in
                var arguments = wrong.arguments
                if let file = wrong.file {
                    try Files.write(Array(file.utf8), to: cluster.folder + "/cluster.json")
                    arguments.append("config=\(cluster.folder)/cluster.json")
                }
                let program = try cluster.launch(arguments, environment: wrong.environment)
                #expect(try await program.end(within: .seconds(10)) == .exited(64))
                for fragment in wrong.fragments {
                    #expect(program.errors.contains(fragment), "\(fragment) is not in: \(program.errors)")
                }
                #expect(program.errors.split(separator: "\n").count == 1, "\(program.errors)")
                #expect(program.output.isEmpty)
                #expect(Files.tree(cluster.dataFolder) == [])
            }
        }

        @Test("a port in use ends with 1 and one sentence, and leaves no database running")
        func portInUse() async throws {
            try await Cluster.use { cluster in
                let node = try await cluster.start("api")
                try await Cluster.use { other in
                    let program = try other.launch(["role=api", "port=\(node.port)"])
                    #expect(try await program.end(within: .seconds(20)) == .exited(1))
                    let last = program.errors.split(separator: "\n").last ?? ""
                    #expect(last.hasPrefix("anb: ") && last.contains("\(node.port)") && last.contains("in use"))
                    try await untilTrue("its database is gone", within: .seconds(10)) {
                        ProcessTable.servers(of: other.dataFolder).isEmpty
                    }
                }
                #expect(try await node.api.get("/api/ready").status == 200)
            }
        }

        @Test("the file's settings, and those of the environment over them, are used")
        func precedence() async throws {
            try await Cluster.use { cluster in
                let file = #"{"http":{"maxBodyBytes":2048},"auth":{"tokenSeconds":120}}"#
                try Files.write(Array(file.utf8), to: cluster.folder + "/cluster.json")
                // The working folder's own file, without being named.
                let node = try await cluster.start("api", environment: ["ANB_AUTH_TOKEN_SECONDS": "240", "ANB_X": "1"])
                let body = [UInt8](repeating: UInt8(ascii: " "), count: 3000)
                #expect(try await node.api.call("POST", "/api/auth/login", body: body).status == 413)
                let form = API.signUpForm(first: "A", last: "B", email: API.freshEmail(), city: "C")
                #expect(try await node.api.post("/api/auth/signup", .object(form)).json["expires_in"] == 240)
                #expect(node.program.errors.contains("ANB_X"), "an unknown variable is warned of")
            }
        }
    }
}
