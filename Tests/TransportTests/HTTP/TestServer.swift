import Glibc
import Synchronization

/// An HTTP server for tests: plain sockets on 127.0.0.1, a thread for each connection, the test's own script on it.
final class TestServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let script: @Sendable (TestConnection) -> Void
    private let connections = Mutex<[Int32]>([])

    /// - Parameter script: runs once for each connection, which is closed when it returns.
    init(_ script: @escaping @Sendable (TestConnection) -> Void) {
        self.script = script
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = withUnsafeMutablePointer(to: &address) { [listener] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                precondition(bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        listen(listener, 256)
        Self.startThread { self.accept() }
    }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    var connectionCount: Int { connections.withLock { $0.count } }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        for descriptor in connections.withLock({ $0 }) where descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    private func accept() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            let index = connections.withLock { connections in
                connections.append(descriptor)
                return connections.count - 1
            }
            Self.startThread {
                self.script(TestConnection(descriptor: descriptor))
                self.connections.withLock { $0[index] = -1 }
                close(descriptor)
            }
        }
        close(listener)
    }

    private final class ThreadBody: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private static func startThread(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(ThreadBody(run)).toOpaque()
        let code = pthread_create(
            &thread, nil,
            {
                Unmanaged<ThreadBody>.fromOpaque($0!).takeRetainedValue().run()
                return nil
            }, body)
        precondition(code == 0)
        pthread_detach(thread)
    }
}

/// One connection, on its own thread; everything blocks.
final class TestConnection {
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// The request's lines without the empty one; nil when the client is gone.
    func readHead() -> [String]? {
        while true {
            let text = String(decoding: buffer, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                buffer.removeFirst(text[..<end.upperBound].utf8.count)
                return text[..<end.lowerBound].split(separator: "\r\n").map(String.init)
            }
            guard receive() else { return nil }
        }
    }

    /// Up to `count` bytes of a body; fewer when the client is gone.
    func readBody(_ count: Int) -> [UInt8] {
        while buffer.count < count, receive() {}
        defer { buffer.removeFirst(min(count, buffer.count)) }
        return Array(buffer.prefix(count))
    }

    /// Reads and forgets; returns how many there were.
    func skipBody(_ count: Int) -> Int {
        var skipped = 0
        while skipped < count {
            if buffer.isEmpty, !receive() { break }
            let part = min(buffer.count, count - skipped)
            buffer.removeFirst(part)
            skipped += part
        }
        return skipped
    }

    /// Returns when the client has closed.
    func waitForClose() {
        repeat { buffer = [] } while receive()
    }

    /// False when the client is gone.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { source in
                send(descriptor, source.baseAddress! + offset, source.count - offset, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    @discardableResult
    func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    func respond(_ status: String = "200 OK", _ body: String = "") {
        write("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    private func receive() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }
}
