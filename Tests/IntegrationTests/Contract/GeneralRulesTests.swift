import Testing
import Transport

extension Integration.Contract {
    @Suite("rules for every endpoint") struct GeneralRules {
        private static let unknownID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

        @Test(
            "a path with a trailing slash is the path without it, without a redirect",
            arguments: [
                "/api/health", "/api/ready", "/api/public/rankings", "/api/public/videos", "/api/videos",
                "/api/auth/me", "/api/videos/\(unknownID)", "/api/videos/original/\(unknownID)",
                "/api/public/videos/\(unknownID)/vote-status",
            ])
        func trailingSlash(path: String) async throws {
            let season = try Season.current
            let plain = try await season.api.get(path, token: season.player.token)
            let slashed = try await season.api.get(path + "/", token: season.player.token)
            #expect(slashed.status == plain.status)
            #expect(slashed.json["detail"] == plain.json["detail"])
            #expect(slashed.json.names == plain.json.names)
        }

        @Test(
            "a POST path with a trailing slash is the path without it",
            arguments: [
                ("/api/auth/login", 422), ("/api/auth/signup", 422), ("/api/videos/upload", 422),
                ("/api/public/videos/\(unknownID)/vote", 404),
            ])
        func trailingSlashOfPost(path: String, status: Int) async throws {
            let season = try Season.current
            let answer = try await season.api.post(path + "/", [:], token: season.player.token)
            expectError(answer, status)
        }

        @Test(
            "what is no host, or no body as HTTP frames it, is the client's mistake, never a 500",
            arguments: [
                "GET /api/public/videos HTTP/1.1\r\nHost: a/b@c\r\n\r\n",
                "GET /api/public/videos HTTP/1.1\r\nHost: \(String(repeating: "a", count: 300))\r\n\r\n",
                "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
            ])
        func malformed(request: String) async throws {
            let connection = try RawConnection(port: try Season.current.node.port)
            _ = try await connection.send(request)
            try await connection.receive(within: .seconds(10)) { $0.contains("\r\n\r\n") }
            #expect(connection.text.hasPrefix("HTTP/1.1 400"), "\(connection.text.prefix(200))")
        }

        @Test(
            "an unknown route is 404 in the error shape",
            arguments: [
                "/", "/api", "/api/nothing", "/api/auth/signup/more", "/api/public",
                "/api/public/videos/x/y", "/api/videos/upload/more/yet", "/%2e%2e/etc/passwd",
            ])
        func unknownRoute(path: String) async throws {
            let answer = try await Season.current.api.get(path)
            expectError(answer, 404)
            expectBilingual(answer)
        }

        @Test(
            "a wrong method is 405 and Allow names the right ones",
            arguments: [
                ("GET", "/api/auth/signup", ["POST"]), ("DELETE", "/api/auth/login", ["POST"]),
                ("POST", "/api/auth/me", ["GET", "HEAD"]), ("PUT", "/api/videos/upload", ["POST"]),
                ("POST", "/api/videos", ["GET", "HEAD"]), ("PATCH", "/api/videos/\(unknownID)", ["GET", "HEAD"]),
                ("POST", "/api/videos/original/\(unknownID)", ["GET", "HEAD"]),
                ("POST", "/api/public/videos", ["GET", "HEAD"]),
                ("GET", "/api/public/videos/\(unknownID)/vote", ["POST"]),
                ("POST", "/api/public/videos/\(unknownID)/vote-status", ["GET", "HEAD"]),
                ("POST", "/api/public/rankings", ["GET", "HEAD"]), ("POST", "/api/health", ["GET", "HEAD"]),
                ("DELETE", "/api/ready/", ["GET", "HEAD"]), ("TRACE", "/api/health", ["GET", "HEAD"]),
                ("PROPFIND", "/api/public/rankings", ["GET", "HEAD"]),
            ])
        func wrongMethod(method: String, path: String, allowed: [String]) async throws {
            let answer = try await Season.current.api.call(method, path)
            expectError(answer, 405)
            let named = (answer.headers["Allow"] ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
            for method in allowed { #expect(named.contains(method), "Allow: \(named)") }
            #expect(!named.contains(method))
        }

        @Test(
            "HEAD answers as GET does, without the body",
            arguments: [
                "/api/health", "/api/ready", "/api/public/rankings?city=medellin", "/api/public/videos?city=medellin",
                "/api/auth/me", "/api/videos", "/api/nothing", "/api/public/rankings?limit=0",
            ])
        func head(path: String) async throws {
            let season = try Season.current
            let get = try await season.api.get(path, token: season.player.token)
            let head = try await season.api.call("HEAD", path, token: season.player.token)
            #expect(head.status == get.status)
            #expect(head.body.isEmpty)
            #expect(head.headers["Content-Type"] == get.headers["Content-Type"])
            #expect(head.headers["Content-Length"] == get.headers["Content-Length"])
            #expect(head.headers["X-Total-Count"] == get.headers["X-Total-Count"])
        }

        @Test("HEAD of a private path without a token is 401")
        func headWithoutToken() async throws {
            let answer = try await Season.current.api.call("HEAD", "/api/videos")
            #expect(answer.status == 401)
            #expect(answer.headers["WWW-Authenticate"]?.hasPrefix("Bearer") == true)
        }

        @Test(
            "a well-formed X-Request-Id comes back, on success and on error",
            arguments: ["/api/health", "/api/nothing", "/api/videos", "/api/public/rankings?limit=0"])
        func requestIDIsEchoed(path: String) async throws {
            let answer = try await Season.current.api.get(path, headers: ["X-Request-Id": "9b2c-TEST_1.a"])
            #expect(answer.headers["X-Request-Id"] == "9b2c-TEST_1.a")
        }

        @Test(
            "a missing or malformed X-Request-Id is replaced by one of the node's own, each time another",
            arguments: [nil, "with space", "\u{E9}", String(repeating: "a", count: 5000)])
        func requestIDIsMade(given: String?) async throws {
            let headers: HTTPHeaders = given.map { ["X-Request-Id": $0] } ?? [:]
            let first = try await Season.current.api.get("/api/health", headers: headers).headers["X-Request-Id"]
            let second = try await Season.current.api.get("/api/health", headers: headers).headers["X-Request-Id"]
            #expect(first?.isEmpty == false)
            #expect(first != given)
            #expect(first != second)
        }

        @Test("the answer to HEAD has no body, whatever it says: the next answer on the connection is whole")
        func headRefusals() async throws {
            let connection = try RawConnection(port: try Season.current.api.port)
            let paths = ["/api/videos", "/api/nothing", "/api/auth/login", "/api/public/videos?limit=0", "/api/health"]
            for (number, path) in paths.enumerated() {
                _ = try await connection.send("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                try await connection.receive(within: .seconds(5)) {
                    $0.split(separator: "HTTP/1.1 ").count == 2 * number + 1 && $0.hasSuffix("\r\n\r\n")
                }
                _ = try await connection.send("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n")
                try await connection.receive(within: .seconds(5)) {
                    $0.split(separator: "HTTP/1.1 ").count == 2 * number + 2 && $0.hasSuffix("}")
                }
            }
            let answers = connection.text.split(separator: "HTTP/1.1 ")
            #expect(
                answers.map { $0.prefix(3) } == ["401", "200", "404", "200", "405", "200", "400", "200", "200", "200"])
            for (number, answer) in answers.enumerated() {
                #expect(answer.hasSuffix("\r\n\r\n") == (number % 2 == 0), "\(answer)")
            }
        }

        @Test("every response has the security headers", arguments: ["/api/health", "/api/nothing", "/api/videos"])
        func securityHeaders(path: String) async throws {
            let headers = try await Season.current.api.get(path).headers
            #expect(headers["X-Content-Type-Options"] == "nosniff")
            #expect(headers["X-Frame-Options"] == "DENY")
            #expect(headers["Cache-Control"]?.contains("no-store") == true)
            #expect(headers["Content-Security-Policy"]?.contains("frame-ancestors 'none'") == true)
            #expect(headers["Strict-Transport-Security"] != nil)
            #expect(headers["Server"] == nil)
        }

        @Test("no origin may call the API by default, and preflights are answered")
        func crossOrigin() async throws {
            let api = try Season.current.api
            let headers: HTTPHeaders = ["Origin": "https://evil.example", "Access-Control-Request-Method": "POST"]
            let preflight = try await api.call("OPTIONS", "/api/auth/login", headers: headers)
            #expect((200..<300).contains(preflight.status))
            #expect(preflight.headers["Access-Control-Allow-Origin"] == nil)
            let answer = try await api.get("/api/health", headers: headers)
            #expect(answer.headers["Access-Control-Allow-Origin"] == nil)
        }

        @Test(
            "a body that is no JSON object is 422 in the error shape, never a 500",
            arguments: [
                "", "{", "nonsense", "[]", "null", "12", "\"text\"", "{\"email\":\"\\ud800\",\"password\":\"x\"}",
                "{\"email\":1e999,\"password\":\"x\"}", "[[[ and so on", "{\"a\": and so on",
            ])
        func malformedBody(text: String) async throws {
            let api = try Season.current.api
            let suffix = " and so on"
            let text =
                text.hasSuffix(suffix) ? String(repeating: String(text.dropLast(suffix.count)), count: 9000) : text
            for path in ["/api/auth/login", "/api/auth/signup"] {
                let answer = try await api.call(
                    "POST", path, body: Array(text.utf8), headers: ["Content-Type": "application/json"])
                expectError(answer, 422)
            }
        }

        @Test("a body that is not UTF-8 is 422")
        func notUTF8() async throws {
            let body = Array("{\"email\":\"a@example.com\",\"password\":\"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8)
            let answer = try await Season.current.api.call("POST", "/api/auth/login", body: body)
            expectError(answer, 422)
        }

        @Test("a JSON body without end is refused in the error shape")
        func hugeBody() async throws {
            let body = [UInt8](repeating: UInt8(ascii: " "), count: 2_000_000)
            let answer = try await Season.current.api.call("POST", "/api/auth/login", body: body)
            expectError(answer, 413)
        }

        @Test(
            "what a database cannot hold is refused as the client's mistake",
            arguments: [
                "/api/public/rankings?city=%00", "/api/public/videos?city=%00", "/api/public/videos?city=%FF%FE",
                "/api/public/rankings?city=%ED%A0%80", "/api/public/videos?city=%",
                "/api/public/rankings?city=\(String(repeating: "a", count: 5000))",
            ])
        func hostileQuery(path: String) async throws {
            let answer = try await Season.current.api.get(path)
            #expect((200..<500).contains(answer.status), "\(answer.status) \(answer.text)")
        }
    }
}
