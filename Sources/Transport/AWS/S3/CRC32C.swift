import Actors
import CChecksum
import FoundationEssentials
import Glibc

/// CRC-32C (RFC 3720, appendix B.4), which S3 keeps beside an object. A tenth of SHA-256's cost, and what it guards
/// against is chance: the signature covers it, and TLS what lies between.
package struct CRC32C: Sendable, Equatable {
    package private(set) var value: UInt32 = 0

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        value = anb_crc32c(value, bytes.baseAddress, bytes.count)
    }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Of the most significant byte first.
    var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    /// As S3's headers have it.
    package var base64: String { Data(bytes).base64EncodedString() }

    private static let pieceBytes = 256 << 10

    /// Of a part of a file, read on the caller's thread, a piece at a time, between which the task yields.
    static func of(_ file: LocalFile, from offset: Int64, count: Int64) async throws(ObjectStoreError) -> CRC32C {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .rejected("\(file.path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var checksum = CRC32C()
        var buffer = [UInt8](repeating: 0, count: pieceBytes)
        var position = offset
        let end = offset + count
        while position < end {
            let wanted = Int(min(Int64(pieceBytes), end - position))
            let got = pread(descriptor, &buffer, wanted, off_t(position))
            guard got > 0 else { throw .rejected("\(file.path) is shorter than it was") }
            buffer.withUnsafeBytes { checksum.update(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
            position += Int64(got)
            await Task.yield()
            if Task.isCancelled { throw .unavailable("cancelled") }
        }
        return checksum
    }
}

/// CRC-32C of bytes as they come, of the whole and of each part: S3 keeps the one for an object sent at once, and a
/// checksum of the parts' checksums, `base64-N`, for one sent in N parts (S3 User Guide, "Checking object integrity").
package struct PartwiseChecksum {
    private let partBytes: Int
    private var whole = CRC32C()
    private var part = CRC32C()
    private var partLength = 0
    private var ofParts = CRC32C()
    private var parts = 0

    package init(partBytes: Int) { self.partBytes = partBytes }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            whole.update(buffer)
            var rest = buffer[...]
            while !rest.isEmpty {
                let piece = rest.prefix(partBytes - partLength)
                part.update(UnsafeRawBufferPointer(rebasing: piece))
                partLength += piece.count
                rest = rest.dropFirst(piece.count)
                if partLength == partBytes { endPart() }
            }
        }
    }

    private mutating func endPart() {
        ofParts.update(part.bytes)
        parts += 1
        part = CRC32C()
        partLength = 0
    }

    /// Whether `checksum` is of other bytes. One of parts of another size than ours says nothing.
    package mutating func contradicts(_ checksum: String) -> Bool {
        guard let dash = checksum.lastIndex(of: "-") else { return whole.base64 != checksum }
        if partLength > 0 { endPart() }
        guard Int(checksum[checksum.index(after: dash)...]) == parts else { return false }
        return ofParts.base64 != checksum[..<dash]
    }
}
