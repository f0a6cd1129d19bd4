import Glibc
import Synchronization
import Testing
import Transport

@Suite("HTTP streaming", .serialized)
struct HTTPStreamingTests {
    private static let size = 20 << 20

    /// Sends 20 MB, or fewer when the client goes away; tells how many after each 64 KiB.
    private static func serve(_ connection: TestConnection, _ sent: (Int) -> Void) {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
        let chunk = [UInt8](repeating: 9, count: 65_536)
        for index in 1...(size / chunk.count) {
            guard connection.write(chunk) else { return }
            sent(index * chunk.count)
        }
    }

    @Test("20 MB come down in bounded memory")
    func download() async throws {
        try await withClient { connection in
            guard connection.readHead() != nil else { return }
            Self.serve(connection) { _ in }
        } _: { client, server in
            let before = residentBytes()
            let download = try await client.download(HTTPClientRequest(url: server.url()), headDeadline: .seconds(20))
            var total = 0
            for try await chunk in download.body {
                #expect(!chunk.isEmpty)
                total += chunk.count
            }
            #expect(total == Self.size)
            #expect(residentBytes() - before < 12 << 20)
        }
    }

    @Test("a consumer that does not read holds the sender back, and gets every byte later")
    func backPressure() async throws {
        let sent = Mutex(0)
        var configuration = HTTPClientConfiguration()
        configuration.minimumBytesPerSecond = 1 << 20
        configuration.rateWindow = .milliseconds(100)
        try await withClient(configuration) { connection in
            guard connection.readHead() != nil else { return }
            Self.serve(connection) { bytes in sent.withLock { $0 = bytes } }
        } _: { client, server in
            let download = try await client.download(HTTPClientRequest(url: server.url()), headDeadline: .seconds(20))
            // The sender stands still when two looks a while apart see the same count; its own buffers hold some MB.
            var last = -1
            while true {
                try await Task.sleep(for: .milliseconds(300))
                let count = sent.withLock { $0 }
                if count == last { break }
                last = count
            }
            #expect(last < Self.size)
            var total = 0
            for try await chunk in download.body {
                #expect(chunk.count <= configuration.downloadBufferBytes)
                total += chunk.count
            }
            #expect(total == Self.size)
        }
    }

    @Test("a download that nobody holds any more is closed")
    func dropped() async throws {
        let closed = Signal()
        try await withClient { connection in
            guard connection.readHead() != nil else { return }
            Self.serve(connection) { _ in }
            closed.fire()
        } _: { client, server in
            do {
                let download = try await client.download(
                    HTTPClientRequest(url: server.url()), headDeadline: .seconds(20))
                for try await _ in download.body { break }
            }
            await closed.wait()
        }
    }

    @Test("a download cut in the middle gives what came, then interrupted")
    func cutDownload() async throws {
        try await withClient { connection in
            _ = connection.readHead()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        } _: { client, server in
            let download = try await client.download(HTTPClientRequest(url: server.url()), headDeadline: .seconds(20))
            var received: [UInt8] = []
            await #expect {
                for try await chunk in download.body { received += chunk }
            } throws: {
                isInterrupted($0)
            }
            #expect(received == Array("half".utf8))
        }
    }

    @Test("20 MB go up in bounded memory, with progress")
    func upload() async throws {
        let progress = Mutex<Int64>(0)
        try await withClient { connection in
            guard connection.readHead() != nil else { return }
            connection.respond("200 OK", "\(connection.skipBody(Self.size))")
        } _: { client, server in
            let before = residentBytes()
            let response = try await client.upload(
                HTTPClientRequest(method: "PUT", url: server.url()), lengthBytes: Int64(Self.size),
                body: CountedChunks(count: Self.size / 65_536, chunkBytes: 65_536), deadline: .seconds(60),
                maxBodyBytes: 100
            ) { bytes in progress.withLock { $0 = bytes } }
            #expect(response.body == Array("\(Self.size)".utf8))
            #expect(progress.withLock { $0 } == Int64(Self.size))
            #expect(residentBytes() - before < 12 << 20)
        }
    }

    @Test("a part of a file goes up")
    func file() async throws {
        var template = Array("/tmp/http-client-test-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer {
            close(descriptor)
            unlink(path)
        }
        #expect(write(descriptor, "0123456789", 10) == 10)
        try await withClient { connection in
            guard connection.readHead() != nil else { return }
            connection.respond("200 OK", String(decoding: connection.readBody(4), as: UTF8.self))
        } _: { client, server in
            let request = HTTPClientRequest(
                method: "PUT", url: server.url(), body: .file(path: path, offsetBytes: 3, sizeBytes: 4))
            let response = try await client.send(request, deadline: .seconds(20), maxBodyBytes: 100)
            #expect(response.body == Array("3456".utf8))
            let tooLong = HTTPClientRequest(
                method: "PUT", url: server.url(), body: .file(path: path, offsetBytes: 3, sizeBytes: 40))
            await #expect {
                try await client.send(tooLong, deadline: .seconds(20), maxBodyBytes: 100)
            } throws: { error in
                if case .invalidRequest = error as? HTTPClientError { true } else { false }
            }
        }
    }

    @Test("an answer in the middle of the body is returned and the producer is released")
    func earlyAnswer() async throws {
        let released = Signal()
        try await withClient { connection in
            guard connection.readHead() != nil else { return }
            connection.respond("413 Content Too Large", "no")
            connection.waitForClose()
        } _: { client, server in
            let response = try await client.upload(
                HTTPClientRequest(method: "PUT", url: server.url()), lengthBytes: 1 << 30,
                body: StalledProducer(cancelled: released), deadline: .seconds(60), maxBodyBytes: 100)
            #expect(response.status == 413)
            await released.wait()
        }
    }

    @Test("a cancelled upload ends its producer too")
    func cancelledUpload() async throws {
        let arrived = Signal()
        let released = Signal()
        try await withClient { connection in
            guard connection.readHead() != nil else { return }
            _ = connection.readBody(1024)
            arrived.fire()
            connection.waitForClose()
        } _: { client, server in
            await withTaskGroup(of: HTTPClientError?.self) { group in
                group.addTask {
                    await failure {
                        _ = try await client.upload(
                            HTTPClientRequest(method: "PUT", url: server.url()), lengthBytes: 1 << 30,
                            body: StalledProducer(cancelled: released), deadline: .seconds(60), maxBodyBytes: 100)
                    }
                }
                await arrived.wait()
                group.cancelAll()
                #expect(await group.next() == .some(.cancelled))
            }
            await released.wait()
        }
    }

    private struct ProducerFailure: Error {}

    @Test("an error of the producer comes back as it is")
    func producerFails() async throws {
        try await withClient { connection in
            guard connection.readHead() != nil else { return }
            connection.waitForClose()
        } _: { client, server in
            let body = AsyncThrowingStream<[UInt8], any Error> { continuation in
                continuation.yield([1])
                continuation.finish(throwing: ProducerFailure())
            }
            await #expect(throws: ProducerFailure.self) {
                try await client.upload(
                    HTTPClientRequest(method: "PUT", url: server.url()), lengthBytes: 10, body: body,
                    deadline: .seconds(20), maxBodyBytes: 100)
            }
        }
    }

    @Test("a body of another length than declared is an invalid request", arguments: [Int64(99), 101])
    func wrongLength(declared: Int64) async throws {
        try await withClient { connection in
            guard connection.readHead() != nil else { return }
            connection.waitForClose()
        } _: { client, server in
            await #expect {
                try await client.upload(
                    HTTPClientRequest(method: "PUT", url: server.url()), lengthBytes: declared,
                    body: CountedChunks(count: 2, chunkBytes: 50), deadline: .seconds(20), maxBodyBytes: 100)
            } throws: { error in
                if case .invalidRequest = error as? HTTPClientError { true } else { false }
            }
        }
    }
}
