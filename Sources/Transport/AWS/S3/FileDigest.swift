import Actors
import Crypto
import FoundationEssentials
import Glibc

/// SHA-256 of a part of a file, in the two forms that S3 wants.
struct FileDigest: Sendable {
    let hex: String
    let base64: String

    private static let pieceBytes = 1 << 20

    init(_ digest: SHA256.Digest) {
        hex = SignatureV4.hexadecimal(digest)
        base64 = Data(digest).base64EncodedString()
    }

    /// Reads on the caller's thread, a piece at a time, between which the task yields.
    static func sha256(of file: LocalFile, from offset: Int64, count: Int64) async throws(ObjectStoreError)
        -> FileDigest
    {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .rejected("\(file.path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: pieceBytes)
        var position = offset
        let end = offset + count
        while position < end {
            let wanted = Int(min(Int64(pieceBytes), end - position))
            let got = pread(descriptor, &buffer, wanted, off_t(position))
            guard got > 0 else { throw .rejected("\(file.path) is shorter than it was") }
            buffer.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<got])) }
            position += Int64(got)
            await Task.yield()
            if Task.isCancelled { throw .unavailable("cancelled") }
        }
        return FileDigest(hash.finalize())
    }
}
