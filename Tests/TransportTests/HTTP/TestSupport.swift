import Glibc
import Logging
import Synchronization
import Transport

/// Runs `body` with a started client and a server, and stops both.
func withClient(
    _ configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
    server script: @escaping @Sendable (TestConnection) -> Void,
    _ body: (HTTPClient, TestServer) async throws -> Void
) async throws {
    let server = TestServer(script)
    let client = HTTPClient(configuration: configuration, logger: Logger(label: "test"))
    try client.start()
    do {
        try await body(client, server)
        await client.shutdown()
        server.stop()
    } catch {
        await client.shutdown()
        server.stop()
        throw error
    }
}

/// The error that a request ends with.
func failure(_ request: () async throws -> Void) async -> HTTPClientError? {
    do {
        try await request()
        return nil
    } catch {
        return error as? HTTPClientError
    }
}

/// Resident memory of this process.
func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    fgets(&line, Int32(line.count), file)
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return (Int(text.split(separator: " ")[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE))
}

/// Made once, awaited by one task, fired from any thread.
final class Signal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    func fire() { continuation.finish() }

    func wait() async {
        for await _ in stream {}
    }
}

/// `count` chunks of `chunkBytes`, made when they are asked for.
struct CountedChunks: AsyncSequence, Sendable {
    struct Iterator: AsyncIteratorProtocol {
        var remaining: Int
        let chunk: [UInt8]

        mutating func next() async -> [UInt8]? {
            guard remaining > 0 else { return nil }
            remaining -= 1
            return chunk
        }
    }

    let count: Int
    let chunkBytes: Int

    func makeAsyncIterator() -> Iterator {
        Iterator(remaining: count, chunk: [UInt8](repeating: 7, count: chunkBytes))
    }
}

/// One chunk, then nothing until it is cancelled; fires `cancelled` then.
struct StalledProducer: AsyncSequence, Sendable {
    struct Iterator: AsyncIteratorProtocol {
        let cancelled: Signal
        var isFirst = true

        mutating func next() async throws -> [UInt8]? {
            if isFirst {
                isFirst = false
                return [UInt8](repeating: 1, count: 1024)
            }
            do {
                try await Task.sleep(for: .seconds(3600))
            } catch {
                cancelled.fire()
                throw error
            }
            return nil
        }
    }

    let cancelled: Signal

    func makeAsyncIterator() -> Iterator { Iterator(cancelled: cancelled) }
}
