import Glibc

/// Where libcurl's read callback takes the request body from. Used on the loop's thread only.
struct RequestBodySource {
    private enum Origin {
        case bytes([UInt8])
        case file(descriptor: Int32, offsetBytes: Int64)
        /// The producer's task offers it, through the transfer.
        case offered
    }

    enum Reading: Equatable {
        case bytes(Int)
        case offered
        case failed
    }

    /// nil: the request has no body, not even an empty one.
    let sizeBytes: Int64?
    private let origin: Origin
    private(set) var position: Int64 = 0

    init(_ transfer: Transfer) throws(HTTPClientError) {
        if let streamedBytes = transfer.streamedBytes {
            sizeBytes = streamedBytes
            origin = .offered
            return
        }
        switch transfer.request.body {
        case .none:
            // A method that usually carries a body says that it is empty (RFC 9110, section 8.6).
            sizeBytes = ["POST", "PUT", "PATCH"].contains(transfer.request.method) ? 0 : nil
            origin = .bytes([])
        case .bytes(let bytes):
            sizeBytes = Int64(bytes.count)
            origin = .bytes(bytes)
        case .file(let path, let offsetBytes, let size):
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw .invalidRequest("\(path): \(String(cString: strerror(errno)))") }
            sizeBytes = size
            origin = .file(descriptor: descriptor, offsetBytes: offsetBytes)
        }
    }

    var isSentWhole: Bool { position == sizeBytes ?? 0 }

    mutating func read(into target: UnsafeMutableRawBufferPointer) -> Reading {
        let wanted = min(target.count, Int((sizeBytes ?? 0) - position))
        switch origin {
        case .offered: return .offered
        case .bytes(let bytes):
            bytes.withUnsafeBytes { source in
                let start = Int(position)
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + wanted]))
            }
            position += Int64(wanted)
            return .bytes(wanted)
        case .file(let descriptor, let offsetBytes):
            guard wanted > 0 else { return .bytes(0) }
            let count = pread(descriptor, target.baseAddress, wanted, off_t(offsetBytes + position))
            // The file is shorter than declared, or unreadable: the request cannot be completed.
            guard count > 0 else { return .failed }
            position += Int64(count)
            return .bytes(count)
        }
    }

    mutating func offeredBytesSent(_ count: Int) {
        position += Int64(count)
    }

    /// False when the bytes are gone.
    mutating func rewind(to offset: Int64) -> Bool {
        if case .offered = origin, offset != position { return false }
        position = offset
        return true
    }

    func close() {
        if case .file(let descriptor, _) = origin { _ = Glibc.close(descriptor) }
    }
}
