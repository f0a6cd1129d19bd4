import Testing

extension Integration.Nodes {
    /// Guesses and questions, each to the other of two nodes.
    @Suite("throttles and tokens") struct Throttles {
        private static let limits = [
            "auth.accountFailures=4", "auth.addressFailures=12", "auth.failureWindowSeconds=3600",
            "auth.addressSignUps=30", "auth.signUpWindowSeconds=3600", "http.trustedProxies=127.0.0.1,10.0.0.0/8",
        ]

        private static func logIn(_ api: API, _ email: String, _ password: String, from address: String) async throws
            -> Answer
        {
            let body: JSON = ["email": .text(email), "password": .text(password)]
            return try await api.call(
                "POST", "/api/auth/login", body: try body.bytes,
                headers: ["Content-Type": "application/json", "X-Forwarded-For": address])
        }

        private static func expectThrottled(_ answer: Answer, at location: SourceLocation = #_sourceLocation) {
            expectError(answer, 429, at: location)
            expectBilingual(answer, at: location)
            #expect((Int(answer.headers["Retry-After"] ?? "") ?? 0) > 0, sourceLocation: location)
        }

        @Test("wrong passwords of one account are counted over both nodes and all addresses, whether it exists or not")
        func account() async throws {
            try await Integration.Nodes.withNodes("api", [Self.limits, Self.limits]) { nodes in
                let player = try await nodes[0].api.signUp()
                for email in [player.email, API.freshEmail()] {
                    for number in 0..<4 {
                        let answer = try await Self.logIn(
                            nodes[number % 2].api, email, "no es esta", from: "198.51.100.\(number)")
                        expectError(answer, 401)
                    }
                    for node in nodes {
                        Self.expectThrottled(
                            try await Self.logIn(node.api, email, "no es esta", from: "198.51.100.9"))
                        // Not even the right one, which would tell it to the guesser.
                        Self.expectThrottled(
                            try await Self.logIn(node.api, email, API.password, from: "198.51.100.10"))
                    }
                }
                // Others log in as ever.
                let other = try await nodes[1].api.signUp()
                #expect(
                    try await Self.logIn(nodes[0].api, other.email, API.password, from: "198.51.100.9").status == 200)
            }
        }

        @Test("wrong passwords from one address are counted; right ones are free; spoofed addresses do not help")
        func address() async throws {
            try await Integration.Nodes.withNodes("api", [Self.limits, Self.limits]) { nodes in
                let player = try await nodes[0].api.signUp()
                for number in 0..<20 {
                    let answer = try await Self.logIn(
                        nodes[number % 2].api, player.email, API.password, from: "203.0.113.5")
                    #expect(answer.status == 200)
                }
                for number in 0..<12 {
                    // What the client itself wrote comes first.
                    let forwarded = "192.0.2.\(number), 203.0.113.5, 10.1.2.3"
                    let answer = try await Self.logIn(
                        nodes[number % 2].api, API.freshEmail(), "no es esta", from: forwarded)
                    expectError(answer, 401)
                }
                for node in nodes {
                    Self.expectThrottled(
                        try await Self.logIn(node.api, player.email, API.password, from: "203.0.113.5"))
                }
                #expect(
                    try await Self.logIn(nodes[0].api, player.email, API.password, from: "203.0.113.6").status == 200)
            }
            // A node that trusts nobody counts who connects.
            let plain = try Stage.current.api
            let player = try await plain.signUp()
            #expect(try await Self.logIn(plain, player.email, API.password, from: "203.0.113.5").status == 200)
        }

        @Test("who asks which addresses are taken is stopped ten times sooner than who signs up")
        func signUps() async throws {
            try await Integration.Nodes.withNodes("api", [Self.limits, Self.limits]) { nodes in
                func signUp(_ number: Int, _ email: String, from address: String) async throws -> Answer {
                    let form = JSON.object(
                        API.signUpForm(first: "A", last: "B", email: email, city: "Cali"))
                    return try await nodes[number % 2].api.call(
                        "POST", "/api/auth/signup", body: try form.bytes,
                        headers: ["Content-Type": "application/json", "X-Forwarded-For": address])
                }
                var emails: [String] = []
                for number in 0..<6 {
                    let email = API.freshEmail()
                    emails.append(email)
                    #expect(try await signUp(number, email, from: "203.0.113.50").status == 201)
                }
                for number in 0..<3 {
                    expectError(try await signUp(number, emails[number], from: "203.0.113.51"), 400)
                }
                Self.expectThrottled(try await signUp(0, emails[3], from: "203.0.113.51"))
                Self.expectThrottled(try await signUp(1, API.freshEmail(), from: "203.0.113.51"))
                // One address asked for from everywhere.
                for number in 0..<4 { _ = try await signUp(number, emails[5], from: "198.51.100.\(number)") }
                Self.expectThrottled(try await signUp(1, emails[5], from: "198.51.100.77"))
            }
        }

        @Test("two keys are valid at once: the first signs, both are accepted, one that is gone is not")
        func rotation() async throws {
            let cluster = try #require(Stage.cluster)
            func key(_ name: String, _ letter: Character) -> String {
                "\(name):\(String(repeating: letter, count: 43))="
            }
            func start(_ keys: [String]) async throws -> ClusterNode {
                try await cluster.start("api", [], environment: ["ANB_AUTH_KEYS": keys.joined(separator: ",")])
            }
            let nodes = [
                try await start([key("old", "A")]), try await start([key("new", "B"), key("old", "A")]),
                try await start([key("new", "B")]),
            ]
            func status(_ node: Int, _ token: String) async throws -> Int {
                try await nodes[node].api.get("/api/auth/me", token: token).status
            }
            let old = try await nodes[0].api.signUp().token
            let new = try await nodes[1].api.signUp().token
            #expect(try await [status(0, old), status(1, old), status(2, old)] == [200, 200, 401])
            #expect(try await [status(0, new), status(1, new), status(2, new)] == [401, 200, 200])
            for node in nodes { await node.program.stop() }
        }

        @Test("revoked tokens are void on each node, and a new login is not")
        func revocation() async throws {
            let first = try Stage.current.api
            try await Integration.Nodes.withNodes("api", [[]]) { nodes in
                let apis = [first, nodes[0].api]
                let player = try await first.signUp()
                let other = try await first.signUp()
                for api in apis { #expect(try await api.get("/api/videos", token: player.token).status == 200) }
                let (ending, output) = try await Integration.Operations.anb(["account", "revoke", player.email])
                #expect(ending == .exited(0), "\(output)")
                for api in apis {
                    try await untilTrue("the token is void", within: .seconds(2)) {
                        try await api.get("/api/videos", token: player.token).status == 401
                    }
                    expectError(try await api.get("/api/auth/me", token: player.token), 401)
                    #expect(try await api.get("/api/videos", token: other.token).status == 200)
                }
                let again = try await Self.logIn(apis[1], player.email, API.password, from: "")
                let token = again.json["access_token"]?.text
                for api in apis { #expect(try await api.get("/api/videos", token: token).status == 200) }
                #expect(
                    try await Integration.Operations.anb(["account", "revoke", API.freshEmail()]).ending == .exited(1))
                #expect(try await Integration.Operations.anb(["account", "revoke"]).ending == .exited(64))
            }
        }
    }
}
