import Testing
import Transport

extension Integration.Contract {
    @Suite("authentication") struct Authentication {
        private static let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
        static let privateRoutes = [
            ("GET", "/api/auth/me"), ("POST", "/api/videos/upload"), ("GET", "/api/videos"),
            ("GET", "/api/videos/\(id)"), ("GET", "/api/videos/original/\(id)"), ("GET", "/api/videos/processed/\(id)"),
            ("POST", "/api/public/videos/\(id)/vote"), ("GET", "/api/public/videos/\(id)/vote-status"),
        ]

        private static func secret() throws -> [UInt8] {
            try #require(Files.bytes(Season.current.cluster.dataFolder + "/secret/jwt"))
        }

        @Test("a private route without a token is 401", arguments: privateRoutes)
        func missing(method: String, path: String) async throws {
            expectUnauthorized(try await Season.current.api.call(method, path))
        }

        @Test(
            "an Authorization that holds no bearer token is 401",
            arguments: [
                "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b", "Bearer a.b.c", "Bearer ..", "Bearer a b c",
                "Token x", "Bearer \(String(repeating: "a", count: 9000))", "Bearer \u{F1}.\u{F1}.\u{F1}",
            ])
        func malformed(header: String) async throws {
            expectUnauthorized(
                try await Season.current.api.get("/api/auth/me", headers: ["Authorization": header]))
        }

        @Test("the scheme's case does not matter (RFC 9110, 11.1)", arguments: ["bearer", "BEARER", "Bearer"])
        func scheme(word: String) async throws {
            let season = try Season.current
            let answer = try await season.api.get(
                "/api/auth/me", headers: ["Authorization": "\(word) \(season.player.token)"])
            #expect(answer.status == 200)
        }

        @Test("a token whose signature is altered, missing or another's is 401")
        func altered() async throws {
            let season = try Season.current
            let parts = ForgedToken.parts(season.player.token)
            let other = ForgedToken.parts(season.players[1].token)
            let tokens = [
                "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1])", "\(parts[0]).\(other[1]).\(parts[2])",
                "\(parts[0]).\(parts[1]).\(String(parts[2].reversed()))", season.player.token + "A",
                season.player.token + "." + parts[2],
            ]
            for token in tokens { expectUnauthorized(try await season.api.get("/api/auth/me", token: token)) }
        }

        @Test("alg none in every spelling is 401", arguments: ["none", "None", "NONE", "nOnE", ""])
        func algorithmNone(name: String) async throws {
            let season = try Season.current
            let parts = ForgedToken.parts(season.player.token)
            let header = ForgedToken.base64URL(try JSON.object(["alg": .text(name), "typ": "JWT"]).bytes)
            for signature in ["", parts[2]] {
                expectUnauthorized(
                    try await season.api.get("/api/auth/me", token: "\(header).\(parts[1]).\(signature)"))
            }
        }

        @Test(
            "a header that names another algorithm or key is 401, even over a right HMAC",
            arguments: ["RS256", "ES256", "PS256", "EdDSA", "HS512", "HS384"])
        func keyConfusion(algorithm: String) async throws {
            let season = try Season.current
            let claims = try ForgedToken.decoded(ForgedToken.parts(season.player.token)[1])
            let token = try ForgedToken.signed(
                header: ["alg": .text(algorithm), "typ": "JWT", "kid": "1"], claims: claims, secret: Self.secret())
            expectUnauthorized(try await season.api.get("/api/auth/me", token: token))
        }

        @Test("a token signed with a guessable or embedded key is 401")
        func foreignKeys() async throws {
            let season = try Season.current
            let claims = try ForgedToken.decoded(ForgedToken.parts(season.player.token)[1])
            for secret in ["", "secret", "anb", "jwt", "1", "null"].map({ Array($0.utf8) }) {
                for kid in ["1", "", "../../dev/null"] {
                    let token = try ForgedToken.signed(
                        header: [
                            "alg": "HS256", "kid": .text(kid),
                            "jwk": ["kty": "oct", "k": .text(ForgedToken.base64URL(secret))],
                        ], claims: claims, secret: secret)
                    expectUnauthorized(try await season.api.get("/api/auth/me", token: token))
                }
            }
        }

        @Test("the tests' own signature is right: with the node's secret a fresh token is taken")
        func controlOfTheForger() async throws {
            let season = try Season.current
            let parts = ForgedToken.parts(season.player.token)
            let token = try ForgedToken.signed(
                header: ForgedToken.decoded(parts[0]), claims: ForgedToken.decoded(parts[1]), secret: Self.secret())
            #expect(try await season.api.get("/api/auth/me", token: token).status == 200)
        }

        @Test("an expired token, and one without an end, are 401 on every private route", arguments: privateRoutes)
        func expired(method: String, path: String) async throws {
            let season = try Season.current
            let parts = ForgedToken.parts(season.player.token)
            guard case .object(var claims) = try ForgedToken.decoded(parts[1]) else { return }
            for end in [JSON.number(1_600_000_000), .null, "never"] {
                claims["exp"] = end
                let token = try ForgedToken.signed(
                    header: ForgedToken.decoded(parts[0]), claims: .object(claims), secret: Self.secret())
                expectUnauthorized(try await season.api.call(method, path, token: token))
            }
            claims["exp"] = nil
            let endless = try ForgedToken.signed(
                header: ForgedToken.decoded(parts[0]), claims: .object(claims), secret: Self.secret())
            expectUnauthorized(try await season.api.call(method, path, token: endless))
        }

        @Test(
            "a token of an account that does not exist is 401 on every private route",
            arguments: privateRoutes.filter { $0.1 != "/api/videos/upload" })
        func unknownAccount(method: String, path: String) async throws {
            let season = try Season.current
            let token = try Self.tokenOfNobody()
            let real = path.replacing(Self.id, with: season.video)
            expectUnauthorized(try await season.api.call(method, real, token: token))
        }

        @Test("an upload by an account that does not exist is 401 and leaves nothing")
        func uploadByNobody() async throws {
            let season = try Season.current
            let before = season.cluster.objects
            let answer = try await season.api.post(
                "/api/videos/upload", .video(season.clips.small, title: "De nadie"), token: try Self.tokenOfNobody())
            expectUnauthorized(answer)
            #expect(season.cluster.objects == before)
            #expect(season.cluster.temporaryFiles.isEmpty)
        }

        private static func tokenOfNobody() throws -> String {
            let parts = ForgedToken.parts(try Season.current.player.token)
            guard case .object(var claims) = try ForgedToken.decoded(parts[1]) else { return "" }
            claims["sub"] = "00000000-0000-4000-8000-000000000000"
            return try ForgedToken.signed(
                header: ForgedToken.decoded(parts[0]), claims: .object(claims), secret: secret())
        }

        @Test("a token ends after one hour")
        func life() async throws {
            let claims = try ForgedToken.decoded(ForgedToken.parts(try Season.current.player.token)[1])
            let issued = try #require(claims["iat"]?.number)
            let end = try #require(claims["exp"]?.number)
            #expect(abs(end - issued - 3600) < 1)
        }

        @Test("identity comes from the token only")
        func identity() async throws {
            let season = try Season.current
            let other = season.players[1].id
            let answer = try await season.api.get(
                "/api/auth/me?user_id=\(other)&id=\(other)", token: season.player.token,
                headers: ["X-User-Id": other])
            #expect(answer.json["id"]?.text == season.player.id)
        }
    }
}
