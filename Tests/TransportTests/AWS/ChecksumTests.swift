import FoundationEssentials
import Testing
import Transport

@Suite("Checksums of objects")
struct ChecksumTests {
    private static let data = (0..<2500).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private static func checksum(_ data: some Sequence<UInt8>) -> CRC32C {
        var checksum = CRC32C()
        checksum.update(Array(data))
        return checksum
    }

    private static func composite(_ data: [UInt8], partBytes: Int) -> String {
        var values: [UInt8] = []
        var parts = 0
        for start in stride(from: 0, to: data.count, by: partBytes) {
            let value = checksum(data[start..<min(start + partBytes, data.count)]).value
            values += (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
            parts += 1
        }
        return "\(checksum(values).base64)-\(parts)"
    }

    /// RFC 3720, appendix B.4; the check value is of the catalogue of parametrised CRC algorithms.
    @Test("the published values come out")
    func published() {
        #expect(Self.checksum("123456789".utf8).value == 0xE306_9283)
        #expect(Self.checksum([UInt8](repeating: 0, count: 32)).value == 0x8A91_36AA)
        #expect(Self.checksum([UInt8](repeating: 0xFF, count: 32)).value == 0x62A8_AB43)
        #expect(Self.checksum(0..<32).value == 0x46DD_794E)
        #expect(Self.checksum((0..<32).reversed()).value == 0x113F_DB5C)
        #expect(Self.checksum("123456789".utf8).base64 == "4waSgw==")
    }

    @Test(
        "one flipped bit contradicts the checksum of the whole and that of parts, however the bytes come",
        arguments: [1, 7, 1000, 2500], [1000, 1250, 2500, 5000])
    func flipped(piece: Int, partBytes: Int) {
        for expected in [Self.checksum(Self.data).base64, Self.composite(Self.data, partBytes: partBytes)] {
            for isFlipped in [false, true] {
                var data = Self.data
                if isFlipped { data[1999] ^= 4 }
                var checksum = PartwiseChecksum(partBytes: partBytes)
                for start in stride(from: 0, to: data.count, by: piece) {
                    checksum.update(Array(data[start..<min(start + piece, data.count)]))
                }
                let isFound = checksum.contradicts(expected)
                #expect(isFound == isFlipped)
            }
        }
    }

    @Test("a checksum of parts of another size says nothing")
    func otherSize() {
        var checksum = PartwiseChecksum(partBytes: 1000)
        checksum.update(Self.data)
        let isContradicted = checksum.contradicts(Self.composite(Self.data, partBytes: 600))
        #expect(!isContradicted)
    }
}
