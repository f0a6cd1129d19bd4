import Crypto
import FoundationEssentials

/// SHA-256 of bytes as they come, of the whole and of each part: S3 keeps the one for an object sent at once, and a
/// checksum of the parts' checksums, `base64-N`, for one sent in N parts (S3 User Guide, "Checking object integrity").
package struct PartwiseHash {
    private let partBytes: Int
    private var whole = SHA256()
    private var part = SHA256()
    private var partLength = 0
    private var digests: [UInt8] = []
    private var parts = 0

    package init(partBytes: Int) { self.partBytes = partBytes }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            whole.update(bufferPointer: buffer)
            var rest = buffer[...]
            while !rest.isEmpty {
                let piece = rest.prefix(partBytes - partLength)
                part.update(bufferPointer: UnsafeRawBufferPointer(rebasing: piece))
                partLength += piece.count
                rest = rest.dropFirst(piece.count)
                if partLength == partBytes { endPart() }
            }
        }
    }

    private mutating func endPart() {
        digests += Array(part.finalize())
        parts += 1
        part = SHA256()
        partLength = 0
    }

    /// Whether `checksum` is of other bytes. One of parts of another size than ours says nothing.
    package mutating func contradicts(_ checksum: String) -> Bool {
        guard let dash = checksum.lastIndex(of: "-") else {
            return Data(whole.finalize()).base64EncodedString() != checksum
        }
        if partLength > 0 { endPart() }
        guard Int(checksum[checksum.index(after: dash)...]) == parts else { return false }
        return Data(SHA256.hash(data: digests)).base64EncodedString() != checksum[..<dash]
    }
}
