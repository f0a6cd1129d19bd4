import Glibc

/// A TCP connection to a node, for what no well-behaved client does. Used by one task.
final class RawConnection {
    struct Broken: Error {
        let call: String
        let code: Int32
    }

    private var descriptor: Int32
    private(set) var received: [UInt8] = []
    /// The peer has closed or reset.
    private(set) var isOver = false
    private var buffer = [UInt8](repeating: 0, count: 65536)

    init(port: Int, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Broken(call: "socket", code: errno) }
        if var size = receiveBufferBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Broken(call: "connect", code: errno) }
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    deinit { close() }

    func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    var text: String { String(decoding: received, as: UTF8.self) }

    /// Sends all, reading meanwhile what comes; ends early, with false, when the peer takes no more.
    func send(_ bytes: [UInt8], within bound: Duration = .seconds(20)) async throws -> Bool {
        var sent = 0
        try await untilTrue("\(bytes.count) bytes are sent", within: bound) {
            while sent < bytes.count {
                receiveWhatIsThere()
                let count = bytes.withUnsafeBytes { buffer in
                    Glibc.send(
                        descriptor, buffer.baseAddress?.advanced(by: sent), min(65536, bytes.count - sent),
                        Int32(MSG_NOSIGNAL))
                }
                if count < 0 {
                    if errno == EAGAIN { return isOver }
                    receiveWhatIsThere()
                    isOver = true
                    return true
                }
                sent += count
            }
            return true
        }
        return sent == bytes.count
    }

    /// The peer has reset the connection, or closed it while something was sent.
    private(set) var isBroken = false

    /// Sends what fits into the buffers, and reads nothing.
    /// - Returns: whether anything did.
    func sendWhatGoes(_ bytes: [UInt8]) -> Bool {
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count < 0, errno != EAGAIN { isBroken = true }
        return count > 0
    }

    func send(_ text: String) async throws -> Bool { try await send(Array(text.utf8)) }

    /// Reads until the condition holds or the peer is done.
    func receive(within bound: Duration, until isEnough: (String) -> Bool) async throws {
        try await untilTrue("an answer", within: bound) {
            receiveWhatIsThere()
            return isOver || isEnough(text)
        }
    }

    /// Reads no more than it must: a client that takes its time.
    func receive(atLeast count: Int, within bound: Duration) async throws {
        try await untilTrue("\(count) bytes", within: bound) {
            while received.count < count, !isOver {
                let before = received.count
                receiveWhatIsThere(oncePerCall: true)
                if received.count == before { break }
            }
            return isOver || received.count >= count
        }
    }

    private func receiveWhatIsThere(oncePerCall: Bool = false) {
        guard descriptor >= 0, !isOver else { return }
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                received += buffer.prefix(count)
                if oncePerCall { return }
                continue
            }
            if count == 0 || errno != EAGAIN { isOver = true }
            return
        }
    }
}
