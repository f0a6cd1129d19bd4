import Testing

extension Integration {
    /// What a node refuses before there is a request, with limits that a test can reach.
    @Suite(
        "limits of connections", .serialized,
        .sharedNode(
            "api", "http.headerSeconds=1", "http.bodyWindowSeconds=1", "http.leastBodyRate=10000",
            "http.maxHeaderBytes=4096", "http.maxHeaderFields=20", "http.maxJSONDepth=3", "http.idleSeconds=3"))
    struct ConnectionLimits {
        private static func expectRefusal(
            _ connection: RawConnection, _ status: Int, at location: SourceLocation = #_sourceLocation
        ) async throws {
            try await connection.receive(within: .seconds(10)) { _ in false }
            let text = connection.text
            #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(300))", sourceLocation: location)
            let (head, body) = try #require(Self.parts(of: text), sourceLocation: location)
            for name in ["x-request-id: ", "x-content-type-options: nosniff", "connection: close"] {
                #expect(head.lowercased().contains(name), "\(head)", sourceLocation: location)
            }
            let json = try JSON.parse(Array(body.utf8))
            #expect(json["detail"]?.text == json["message"]?.text, sourceLocation: location)
            #expect(json["message"]?.text?.contains("(") == true, "bilingual", sourceLocation: location)
        }

        private static func parts(of text: String) -> (String, String)? {
            guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
            return (String(text[..<end.lowerBound]), String(text[end.upperBound...]))
        }

        @Test(
            "bytes that are no HTTP get the contract's 400",
            arguments: [
                "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n", "GET\r\n\r\n",
                "GET / HTTP/1.1\r\nbad header\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nA\0: b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            ])
        func malformed(request: String) async throws {
            let connection = try RawConnection(port: try Stage.current.port)
            _ = try await connection.send(Array(request.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }))
            try await Self.expectRefusal(connection, 400)
        }

        @Test("a header up to the limit is fine, beyond it 431; so are its fields")
        func headers() async throws {
            let api = try Stage.current.api
            #expect(
                try await api.get("/api/health", headers: ["X-Pad": String(repeating: "a", count: 3500)]).status == 200)
            for request in [
                "GET /api/health HTTP/1.1\r\nHost: a\r\nX-Pad: \(String(repeating: "a", count: 5000))\r\n\r\n",
                "GET /api/health?\(String(repeating: "a", count: 5000)) HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /api/health HTTP/1.1\r\nHost: a\r\n"
                    + (0..<30).map { "X-\($0): b\r\n" }.joined() + "\r\n",
            ] {
                let connection = try RawConnection(port: api.port)
                _ = try await connection.send(request)
                try await Self.expectRefusal(connection, 431)
            }
            let few = (0..<15).map { "X-\($0): b\r\n" }.joined()
            let connection = try RawConnection(port: api.port)
            _ = try await connection.send("GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(few)\r\n")
            try await connection.receive(within: .seconds(5)) { _ in false }
            #expect(connection.text.hasPrefix("HTTP/1.1 200 "))
        }

        @Test("a header that does not come to its end is 408, also in trickles; an idle connection waits longer")
        func slowHeader() async throws {
            let port = try Stage.current.port
            let idle = try RawConnection(port: port)
            let slow = try RawConnection(port: port)
            _ = try await slow.send("GET /api/health HTTP/1.1\r\n")
            for _ in 0..<20 {
                if slow.isOver { break }
                _ = try await slow.send("X-A: b\r\n")
                try? await slow.receive(within: .milliseconds(150)) { $0.contains("\r\n\r\n") }
            }
            try await Self.expectRefusal(slow, 408)
            _ = try await idle.send("GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try await idle.receive(within: .seconds(5)) { _ in false }
            #expect(idle.text.hasPrefix("HTTP/1.1 200 "))
        }

        private static func upload(_ lengthBytes: Int, by player: API.Player) throws -> String {
            "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(player.token)\r\n"
                + "Content-Type: multipart/form-data; boundary=\(MultipartForm.boundary)\r\n"
                + "Content-Length: \(lengthBytes)\r\n\r\n"
        }

        @Test("a body that is silent or too slow is 408, and leaves nothing")
        func slowBody() async throws {
            let api = try Stage.current.api
            let cluster = try #require(Stage.cluster)
            let player = try await api.signUp()
            let before = cluster.objects
            for trickles in [false, true] {
                let connection = try RawConnection(port: api.port)
                _ = try await connection.send(try Self.upload(1_000_000, by: player))
                _ = try await connection.send(MultipartForm.head(of: .file([])))
                for _ in 0..<40 where trickles {
                    if connection.isOver { break }
                    _ = try await connection.send([1, 2, 3])
                    try? await connection.receive(within: .milliseconds(100)) { $0.contains("\r\n\r\n") }
                }
                try await Self.expectRefusal(connection, 408)
            }
            try await untilTrue("nothing is left", within: .seconds(5)) { cluster.temporaryFiles == [] }
            #expect(cluster.objects == before)
            #expect(try await api.get("/api/videos", token: player.token).json == [])
        }

        @Test("a body that keeps the least rate takes as long as it needs")
        func steadyBody() async throws {
            let api = try Stage.current.api
            let player = try await api.signUp()
            // Before there is a connection: it may have to be drawn, which takes longer than one may be idle.
            let body = MultipartForm.video(try await Clips.shared().small, title: "Uno").bytes
            let connection = try RawConnection(port: api.port)
            _ = try await connection.send(try Self.upload(body.count, by: player))
            // At least forty thousand bytes a second, for some seconds.
            let step = max(10_000, body.count / 12)
            for start in stride(from: 0, to: body.count, by: step) {
                _ = try await connection.send(Array(body[start..<min(start + step, body.count)]))
                try? await connection.receive(within: .milliseconds(250)) { $0.contains("\r\n\r\n") }
            }
            try await connection.receive(within: .seconds(10)) { $0.contains("HTTP/1.1 201") }
            #expect(connection.text.hasPrefix("HTTP/1.1 201"), "\(connection.text)")
        }

        @Test(
            "a request that wants another protocol is answered as ever, is the connection's last, and what follows is dropped"
        )
        func upgrade() async throws {
            let connection = try RawConnection(port: try Stage.current.port)
            _ = try await connection.send(
                "GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")
            _ = try await connection.send([UInt8](repeating: 7, count: 4_000_000))
            try await connection.receive(within: .seconds(5)) { $0.contains("healthy") }
            #expect(connection.text.hasPrefix("HTTP/1.1 200 "), "\(connection.text)")
            #expect(connection.text.lowercased().contains("connection: close"))
            try await connection.receive(within: .seconds(5)) { _ in false }
            #expect(connection.isOver && connection.text.split(separator: "HTTP/1.1").count == 1)
        }

        @Test("a client that never reads its answers is let go")
        func neverReads() async throws {
            let api = try Stage.current.api
            let connection = try RawConnection(port: api.port, receiveBufferBytes: 4096)
            let request = Array("GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            let start = ContinuousClock.now
            // Far more than all buffers on the way hold.
            for _ in 0..<2000 where !connection.isOver { _ = connection.sendWhatGoes(request) }
            try await untilTrue("it is closed", within: .seconds(15)) {
                !connection.sendWhatGoes(request) && connection.isBroken
            }
            #expect(ContinuousClock.now - start > .seconds(1))
            #expect(try await api.get("/api/health").status == 200)
        }

        @Test("JSON is nested so deep and no deeper")
        func depth() async throws {
            let api = try Stage.current.api
            func body(_ depth: Int) -> [UInt8] {
                Array(
                    ("{\"email\":\"a@example.com\",\"password\":\"x\",\"extra\":"
                        + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}").utf8)
            }
            let headers: [UInt8] = body(2)
            let fine = try await api.call(
                "POST", "/api/auth/login", body: headers, headers: ["Content-Type": "application/json"])
            expectError(fine, 401)
            for depth in [3, 30_000] {
                let deep = try await api.call(
                    "POST", "/api/auth/login", body: body(depth), headers: ["Content-Type": "application/json"])
                expectError(deep, 422)
            }
        }
    }

    @Suite("numbers of connections", .serialized, .sharedNode("api")) struct ConnectionNumbers {
        private func refused(_ settings: [String], after allowed: Int, _ status: Int) async throws {
            let cluster = try #require(Stage.cluster)
            // A node whose readiness nobody asks for: its few connections are the test's.
            let program = try cluster.launch(["role=api", "port=0", "http.host=127.0.0.1"] + settings)
            let port = try await eventually("it listens") { Cluster.port(in: program.errors) }
            var open: [RawConnection] = []
            for _ in 0..<allowed {
                let connection = try RawConnection(port: port)
                _ = try await connection.send("GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n")
                try await connection.receive(within: .seconds(5)) { $0.contains("healthy") }
                #expect(connection.text.hasPrefix("HTTP/1.1 200 "))
                open.append(connection)
            }
            let beyond = try RawConnection(port: port)
            try await beyond.receive(within: .seconds(5)) { _ in false }
            #expect(beyond.text.hasPrefix("HTTP/1.1 \(status) "), "\(beyond.text)")
            #expect(beyond.text.lowercased().contains("retry-after: 5"))
            open.removeLast().close()
            try await untilTrue("there is room again", within: .seconds(5)) {
                let connection = try RawConnection(port: port)
                _ = try await connection.send("GET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                try await connection.receive(within: .seconds(5)) { _ in false }
                return connection.text.hasPrefix("HTTP/1.1 200 ")
            }
            await program.stop()
        }

        @Test("http.maxConnections: one more is 503 with Retry-After, until one ends")
        func all() async throws { try await refused(["http.maxConnections=8"], after: 8, 503) }

        @Test("http.maxConnectionsPerAddress: one more is 429 with Retry-After, until one ends")
        func ofAddress() async throws { try await refused(["http.maxConnectionsPerAddress=5"], after: 5, 429) }
    }
}
