import Glibc
import Logging
import Synchronization
import Testing
import Transport

@Suite("HTTP client")
struct HTTPClientTests {
    private static let limit = 1 << 20

    @Test("a GET returns status, headers and body, on a connection that is kept")
    func get() async throws {
        try await withClient { connection in
            while connection.readHead() != nil {
                connection.write("HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 5\r\n\r\nhello")
            }
        } _: { client, server in
            for _ in 0..<3 {
                let response = try await client.send(
                    HTTPClientRequest(url: server.url("/a")), deadline: .seconds(20), maxBodyBytes: 5)
                #expect(response.status == 200)
                #expect(response.body == Array("hello".utf8))
                #expect(response.headers["X-a"] == "1")
                #expect(response.headers.fields.map(\.value) == ["1", "2", "5"])
            }
            #expect(server.connectionCount == 1)
        }
    }

    @Test("headers and path go out exactly as given, in their order, and nothing is added but Host and the length")
    func headerOrder() async throws {
        let heads = Mutex<[[String]]>([])
        try await withClient { connection in
            while let head = connection.readHead() {
                heads.withLock { $0.append(head) }
                if head[0].hasPrefix("POST") { _ = connection.readBody(3) }
                connection.respond()
            }
        } _: { client, server in
            let headers: HTTPHeaders = [
                "x-amz-date": "D", "Accept": "a/b", "Zz": "", "User-Agent": "mine", "Authorization": "S", "aa": "b  c",
            ]
            let request = HTTPClientRequest(
                method: "POST", url: server.url("/a/../b//%2e?q=1&r"), headers: headers, body: .bytes([1, 2, 3]))
            _ = try await client.send(request, deadline: .seconds(20), maxBodyBytes: 0)
            _ = try await client.send(
                HTTPClientRequest(method: "DELETE", url: server.url()), deadline: .seconds(20), maxBodyBytes: 0)
            _ = try await client.send(
                HTTPClientRequest(method: "PUT", url: server.url()), deadline: .seconds(20), maxBodyBytes: 0)
            let host = "Host: 127.0.0.1:\(server.port)"
            let seen = heads.withLock { $0 }
            try #require(seen.count == 3)
            #expect(seen[0].first == "POST /a/../b//%2e?q=1&r HTTP/1.1")
            let given = headers.fields.map { $0.value.isEmpty ? "\($0.name):" : "\($0.name): \($0.value)" }
            #expect(seen[0].filter { given.contains($0) } == given)
            #expect(Set(seen[0].dropFirst()) == Set(given + [host, "Content-Length: 3"]))
            #expect(seen[1] == ["DELETE / HTTP/1.1", host, "User-Agent: anb"])
            #expect(seen[2] == ["PUT / HTTP/1.1", host, "User-Agent: anb", "Content-Length: 0"])
        }
    }

    @Test("the answer to a HEAD has a length but no body")
    func head() async throws {
        try await withClient { connection in
            while connection.readHead() != nil {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
            }
        } _: { client, server in
            let response = try await client.send(
                HTTPClientRequest(method: "HEAD", url: server.url()), deadline: .seconds(20), maxBodyBytes: 10)
            #expect(response.headers["content-length"] == "99999")
            #expect(response.body.isEmpty)
        }
    }

    @Test("a POST is not made twice when its connection dies unanswered; a PUT is sent again by libcurl")
    func repeats() async throws {
        let methods = Mutex<[String]>([])
        try await withClient { connection in
            // The first request of a connection is answered, the second one is read and the connection cut.
            guard let head = connection.readHead() else { return }
            _ = connection.readBody(3)
            methods.withLock { $0.append(head[0].prefix(4).description) }
            connection.respond()
            guard let next = connection.readHead() else { return }
            _ = connection.readBody(3)
            methods.withLock { $0.append(next[0].prefix(4).description) }
        } _: { client, server in
            func send(_ method: String) async throws {
                _ = try await client.send(
                    HTTPClientRequest(method: method, url: server.url(), body: .bytes([1, 2, 3])),
                    deadline: .seconds(20),
                    maxBodyBytes: 0)
            }
            try await send("POST")
            await #expect { try await send("POST") } throws: { isInterrupted($0) }
            try await send("PUT")
            try await send("PUT")
            #expect(methods.withLock { $0 } == ["POST", "POST", "PUT ", "PUT ", "PUT "])
        }
    }

    @Test("a body larger than allowed is refused")
    func bodyTooLarge() async throws {
        try await withClient { connection in
            while connection.readHead() != nil { connection.respond("200 OK", "123456") }
        } _: { client, server in
            await #expect(throws: HTTPClientError.bodyTooLarge(limitBytes: 5)) {
                try await client.send(HTTPClientRequest(url: server.url()), deadline: .seconds(20), maxBodyBytes: 5)
            }
        }
    }

    @Test("a connection cut in the middle of a body is interrupted")
    func cutBody() async throws {
        try await withClient { connection in
            _ = connection.readHead()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        } _: { client, server in
            await #expect {
                try await client.send(
                    HTTPClientRequest(url: server.url()), deadline: .seconds(20), maxBodyBytes: Self.limit)
            } throws: {
                isInterrupted($0)
            }
        }
    }

    @Test("a refused connection is unreachable")
    func refused() async throws {
        try await withClient { _ in
        } _: { client, server in
            // Port 1 of the loopback has no listener.
            await #expect {
                try await client.send(
                    HTTPClientRequest(url: "http://127.0.0.1:1/"), deadline: .seconds(20), maxBodyBytes: 0)
            } throws: {
                isUnreachable($0)
            }
        }
    }

    @Test("a server that never answers runs into the deadline, and the client is still of use")
    func deadline() async throws {
        try await withClient { connection in
            while let head = connection.readHead() {
                if head[0].contains("never") { return connection.waitForClose() }
                connection.respond()
            }
        } _: { client, server in
            let start = ContinuousClock.now
            await #expect(throws: HTTPClientError.deadlineExceeded(.total)) {
                try await client.send(
                    HTTPClientRequest(url: server.url("/never")), deadline: .milliseconds(150), maxBodyBytes: 0)
            }
            #expect(ContinuousClock.now - start >= .milliseconds(150))
            await #expect(throws: HTTPClientError.deadlineExceeded(.total)) {
                try await client.download(HTTPClientRequest(url: server.url("/never")), headDeadline: .milliseconds(50))
            }
            let response = try await client.send(
                HTTPClientRequest(url: server.url()), deadline: .seconds(20), maxBodyBytes: 0)
            #expect(response.status == 200)
        }
    }

    @Test("a body that trickles falls below the least rate; a slow head does not")
    func leastRate() async throws {
        var configuration = HTTPClientConfiguration()
        configuration.minimumBytesPerSecond = 1000
        configuration.rateWindow = .milliseconds(50)
        try await withClient(configuration) { connection in
            guard connection.readHead() != nil else { return }
            usleep(300_000)
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1")
            connection.waitForClose()
        } _: { client, server in
            let download = try await client.download(HTTPClientRequest(url: server.url()), headDeadline: .seconds(20))
            #expect(download.head.status == 200)
            await #expect(throws: HTTPClientError.deadlineExceeded(.leastRate)) {
                for try await _ in download.body {}
            }
            await #expect(throws: HTTPClientError.deadlineExceeded(.total), "kept whole: its deadline alone counts") {
                try await client.send(
                    HTTPClientRequest(url: server.url()), deadline: .milliseconds(800), maxBodyBytes: 100)
            }
        }
    }

    @Test("a cancelled task returns at once and the connection is closed")
    func cancellation() async throws {
        let arrived = Signal()
        let closed = Signal()
        try await withClient { connection in
            _ = connection.readHead()
            arrived.fire()
            connection.waitForClose()
            closed.fire()
        } _: { client, server in
            await withTaskGroup(of: HTTPClientError?.self) { group in
                group.addTask {
                    await failure {
                        _ = try await client.send(
                            HTTPClientRequest(url: server.url()), deadline: .seconds(60), maxBodyBytes: 0)
                    }
                }
                await arrived.wait()
                group.cancelAll()
                #expect(await group.next() == .some(.cancelled))
            }
            await closed.wait()
        }
    }

    @Test("a shutdown fails what is in flight, and later requests are unreachable")
    func shutdown() async throws {
        let arrived = Signal()
        try await withClient { connection in
            _ = connection.readHead()
            arrived.fire()
            connection.waitForClose()
        } _: { client, server in
            let request = HTTPClientRequest(url: server.url())
            async let pending = failure {
                _ = try await client.send(request, deadline: .seconds(60), maxBodyBytes: 0)
            }
            await arrived.wait()
            await client.shutdown()
            #expect(await pending == .cancelled)
            await #expect {
                try await client.send(request, deadline: .seconds(1), maxBodyBytes: 0)
            } throws: {
                isUnreachable($0)
            }
        }
    }

    @Test("a hundred requests at once are all answered, over a bounded number of connections")
    func parallel() async throws {
        var configuration = HTTPClientConfiguration()
        configuration.maxConnectionsPerHost = 8
        try await withClient(configuration) { connection in
            while let head = connection.readHead() { connection.respond("200 OK", head[0]) }
        } _: { client, server in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let response = try await client.send(
                            HTTPClientRequest(url: server.url("/\(index)")), deadline: .seconds(30), maxBodyBytes: 100)
                        return response.body == Array("GET /\(index) HTTP/1.1".utf8)
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(server.connectionCount <= 8)
        }
    }

    @Test("more requests than the client may hold are unreachable")
    func tooMany() async throws {
        var configuration = HTTPClientConfiguration()
        configuration.maxTransfers = 1
        let arrived = Signal()
        try await withClient(configuration) { connection in
            while let head = connection.readHead() {
                if head[0].contains("hold") {
                    arrived.fire()
                    return connection.waitForClose()
                }
                connection.respond()
            }
        } _: { client, server in
            async let held = failure {
                _ = try await client.send(
                    HTTPClientRequest(url: server.url("/hold")), deadline: .seconds(60), maxBodyBytes: 0)
            }
            await arrived.wait()
            await #expect {
                try await client.send(HTTPClientRequest(url: server.url()), deadline: .seconds(1), maxBodyBytes: 0)
            } throws: {
                isUnreachable($0)
            }
            await client.shutdown()
            #expect(await held == .cancelled)
        }
    }

    @Test(
        "what could smuggle a header or contradict the body is an invalid request",
        arguments: [
            HTTPClientRequest(url: "http://127.0.0.1/", headers: ["A": "b\r\nC: d"]),
            HTTPClientRequest(url: "http://127.0.0.1/", headers: ["A:": "b"]),
            HTTPClientRequest(method: "GET /x", url: "http://127.0.0.1/"),
            HTTPClientRequest(url: "http://127.0.0.1/a b"), HTTPClientRequest(url: "ftp://127.0.0.1/"),
            HTTPClientRequest(url: "file:///etc/hostname"), HTTPClientRequest(url: "http://"),
            HTTPClientRequest(
                method: "PUT", url: "http://127.0.0.1/", headers: ["Content-Length": "9"], body: .bytes([1])),
            HTTPClientRequest(method: "PUT", url: "http://127.0.0.1/", headers: ["Transfer-Encoding": "chunked"]),
            HTTPClientRequest(
                method: "PUT", url: "http://127.0.0.1/",
                body: .file(path: "/does/not/exist", offsetBytes: 0, sizeBytes: 1)),
        ]
    )
    func invalid(request: HTTPClientRequest) async throws {
        let client = HTTPClient(logger: Logger(label: "test"))
        try client.start()
        await #expect {
            try await client.send(request, deadline: .seconds(5), maxBodyBytes: 0)
        } throws: { error in
            if case .invalidRequest = error as? HTTPClientError { true } else { false }
        }
        await client.shutdown()
    }
}

func isInterrupted(_ error: any Error) -> Bool {
    if case .interrupted = error as? HTTPClientError { true } else { false }
}

func isUnreachable(_ error: any Error) -> Bool {
    if case .unreachable = error as? HTTPClientError { true } else { false }
}
