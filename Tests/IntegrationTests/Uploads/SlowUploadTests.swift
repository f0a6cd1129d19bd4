import Testing

extension Integration.Uploads {
    /// What clients do on the wire that a client library would not.
    @Suite("uploads under way") struct UnderWay {
        private static func head(_ lengthBytes: Int, token: String?, extra: String = "") -> String {
            let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
            return "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\n\(authorization)"
                + "Content-Type: multipart/form-data; boundary=\(MultipartForm.boundary)\r\n"
                + "Content-Length: \(lengthBytes)\r\n\(extra)\r\n"
        }

        /// Begins an upload and returns when its bytes are being spooled.
        private static func begin(by player: API.Player) async throws -> RawConnection {
            let cluster = try #require(Stage.cluster)
            let connection = try RawConnection(port: try Stage.current.port)
            let spools = cluster.temporaryFiles.count
            let part = MultipartForm.head(of: .file([])) + [UInt8](repeating: 1, count: 200_000)
            _ = try await connection.send(head(1_500_000, token: player.token))
            _ = try await connection.send(part)
            try await untilTrue("the upload is spooled") { cluster.temporaryFiles.count > spools }
            return connection
        }

        @Test("a client that goes away in mid-upload leaves nothing, and its slot is free within five seconds")
        func abandoned() async throws {
            let api = try Stage.current.api
            let cluster = try #require(Stage.cluster)
            let clips = try await Clips.shared()
            let traces = try UploadTraces(of: try await api.signUp())
            var connections: [RawConnection] = []
            for _ in 0..<Integration.Uploads.maximumUploads {
                connections.append(try await Self.begin(by: traces.player))
            }
            for connection in connections { connection.close() }
            try await untilTrue("nothing is left of the uploads", within: .seconds(5)) { cluster.temporaryFiles == [] }
            try await traces.expectNone(clip: clips.small)
        }

        @Test("more uploads than the node takes are 503 with Retry-After, and a place that gets free is given away")
        func full() async throws {
            let api = try Stage.current.api
            let cluster = try #require(Stage.cluster)
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            var connections: [RawConnection] = []
            for _ in 0..<Integration.Uploads.maximumUploads { connections.append(try await Self.begin(by: player)) }
            let form = MultipartForm.video(clips.small, title: "Uno")
            let answer = try await api.post("/api/videos/upload", form, token: player.token)
            expectError(answer, 503)
            expectBilingual(answer)
            #expect(Int(answer.headers["Retry-After"] ?? "") ?? 0 > 0)
            #expect(try await api.get("/api/health").status == 200)
            connections.removeLast().close()
            try await untilTrue("a place is free", within: .seconds(5)) {
                try await api.post("/api/videos/upload", form, token: player.token).status == 201
            }
            for connection in connections { connection.close() }
            try await untilTrue("nothing is left of the uploads", within: .seconds(5)) { cluster.temporaryFiles == [] }
        }

        @Test("Expect: 100-continue is answered at once, and the upload succeeds")
        func expectContinue() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let connection = try RawConnection(port: api.port)
            let body = MultipartForm.video(clips.small, title: "Uno").bytes
            let start = ContinuousClock.now
            _ = try await connection.send(
                Self.head(body.count, token: player.token, extra: "Expect: 100-continue\r\n"))
            try await connection.receive(within: .seconds(5)) { $0.contains("\r\n\r\n") }
            let time = ContinuousClock.now - start
            #expect(connection.text.hasPrefix("HTTP/1.1 100 "), "\(connection.text)")
            // curl gives up waiting after a second.
            #expect(time < .milliseconds(800), "after \(time)")
            _ = try await connection.send(body)
            try await connection.receive(within: .seconds(10)) { $0.contains("HTTP/1.1 201") }
            #expect(connection.text.contains("HTTP/1.1 201"), "\(connection.text)")
        }

        @Test("a refused upload that expects 100-continue gets its refusal in place of it")
        func expectContinueRefused() async throws {
            let connection = try RawConnection(port: try Stage.current.port)
            _ = try await connection.send(Self.head(1_000_000, token: nil, extra: "Expect: 100-continue\r\n"))
            try await connection.receive(within: .seconds(5)) { $0.contains("\r\n\r\n") }
            #expect(connection.text.hasPrefix("HTTP/1.1 401 "), "\(connection.text)")
        }

        @Test("an early refusal can be read while the client is still sending", arguments: [401, 400])
        func earlyRefusal(status: Int) async throws {
            let api = try Stage.current.api
            let player = try await api.signUp()
            let connection = try RawConnection(port: api.port)
            let lengthBytes = 40_000_000
            let head = Self.head(lengthBytes, token: status == 401 ? nil : player.token)
            _ = try await connection.send(head)
            _ = try await connection.send(MultipartForm.head(of: .file([])))
            _ = try await connection.send([UInt8](repeating: 7, count: lengthBytes / 2))
            try await connection.receive(within: .seconds(5)) { $0.contains("\"message\"") }
            #expect(connection.text.hasPrefix("HTTP/1.1 \(status) "), "\(connection.text.prefix(200))")
            #expect(connection.text.contains("\"message\""))
            #expect(try await api.get("/api/health").status == 200)
            #expect(try #require(Stage.cluster).temporaryFiles == [])
        }

        @Test("a chunked upload beyond the limit is refused while it comes")
        func chunked() async throws {
            let api = try Stage.current.api
            let player = try await api.signUp()
            let connection = try RawConnection(port: api.port)
            _ = try await connection.send(
                "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(player.token)\r\n"
                    + "Content-Type: multipart/form-data; boundary=\(MultipartForm.boundary)\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n")
            func chunk(_ bytes: [UInt8]) -> [UInt8] {
                Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
            }
            _ = try await connection.send(chunk(MultipartForm.head(of: .file([]))))
            _ = try await connection.send(chunk([UInt8](repeating: 7, count: 6_000_000)))
            try await connection.receive(within: .seconds(5)) { $0.contains("\"message\"") }
            #expect(connection.text.hasPrefix("HTTP/1.1 400 "), "\(connection.text.prefix(200))")
        }
    }
}
