import Crypto
import FoundationEssentials
import Testing
import Transport

@Suite("Checksums of objects")
struct PartwiseHashTests {
    private static let data = (0..<2500).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private static func base64(_ digest: SHA256.Digest) -> String { Data(digest).base64EncodedString() }

    private static func composite(_ data: [UInt8], partBytes: Int) -> String {
        var digests: [UInt8] = []
        var parts = 0
        for start in stride(from: 0, to: data.count, by: partBytes) {
            digests += Array(SHA256.hash(data: data[start..<min(start + partBytes, data.count)]))
            parts += 1
        }
        return "\(base64(SHA256.hash(data: digests)))-\(parts)"
    }

    @Test(
        "one flipped bit contradicts the checksum of the whole and that of parts, however the bytes come",
        arguments: [1, 7, 1000, 2500], [1000, 1250, 2500, 5000])
    func flipped(piece: Int, partBytes: Int) {
        for expected in [Self.base64(SHA256.hash(data: Self.data)), Self.composite(Self.data, partBytes: partBytes)] {
            for isFlipped in [false, true] {
                var data = Self.data
                if isFlipped { data[1999] ^= 4 }
                var hash = PartwiseHash(partBytes: partBytes)
                for start in stride(from: 0, to: data.count, by: piece) {
                    hash.update(Array(data[start..<min(start + piece, data.count)]))
                }
                let isFound = hash.contradicts(expected)
                #expect(isFound == isFlipped)
            }
        }
    }

    @Test("a checksum of parts of another size says nothing")
    func otherSize() {
        var hash = PartwiseHash(partBytes: 1000)
        hash.update(Self.data)
        let isContradicted = hash.contradicts(Self.composite(Self.data, partBytes: 600))
        #expect(!isContradicted)
    }
}
