import Nodes
import Testing

@Suite("Range requests")
struct RangeDecisionTests {
    private func decide(_ range: String?, ifRange: String? = nil, size: Int64 = 1000) -> RangeDecision {
        RangeDecision(range: range, ifRange: ifRange, etag: "\"abc\"", sizeBytes: size)
    }

    @Test(
        "a single satisfiable range is honoured, clamped to the size",
        arguments: [
            ("bytes=0-499", Int64(0)..<500), ("bytes=500-", 500..<1000), ("bytes=-10", 990..<1000),
            ("bytes=-5000", 0..<1000), ("bytes=999-999", 999..<1000), ("bytes=0-99999", 0..<1000),
            ("BYTES=0-0", 0..<1), ("bytes= 1-2 ", 1..<3), ("bytes=5-99999999999999999999999", 5..<1000),
        ]
    )
    func honoured(range: String, bytes: Range<Int64>) {
        #expect(decide(range) == .partial(ByteRange(bytes: bytes, sizeBytes: 1000)))
    }

    @Test(
        "a range outside of the representation is unsatisfiable",
        arguments: ["bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=99999999999999999999999-"]
    )
    func unsatisfiable(range: String) {
        #expect(decide(range) == .unsatisfiable(sizeBytes: 1000))
    }

    @Test(
        "what is malformed, plural or of another unit is ignored",
        arguments: [
            "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,5-6", "bytes=0-1-2", "lines=0-1", "bytes 0-1",
            "bytes=+1-2", "bytes=1 -2", "", "bytes=--5", "bytes=0x1-2",
        ]
    )
    func ignored(range: String) {
        #expect(decide(range) == .whole)
    }

    @Test("without Range the whole is sent")
    func absent() {
        #expect(decide(nil) == .whole)
    }

    @Test("no range of an empty representation can be satisfied", arguments: ["bytes=0-", "bytes=-1", "bytes=0-0"])
    func empty(range: String) {
        #expect(decide(range, size: 0) == .unsatisfiable(sizeBytes: 0))
    }

    @Test("If-Range with the same strong tag keeps the range")
    func ifRangeMatches() {
        #expect(
            decide("bytes=0-0", ifRange: "\"abc\"") == .partial(ByteRange(bytes: 0..<1, sizeBytes: 1000)))
    }

    @Test(
        "If-Range with another tag, a weak one or a date sends the whole",
        arguments: ["\"abd\"", "W/\"abc\"", "abc", "Sat, 29 Oct 1994 19:43:31 GMT"]
    )
    func ifRangeDiffers(condition: String) {
        #expect(decide("bytes=0-0", ifRange: condition) == .whole)
        #expect(decide("bytes=5000-", ifRange: condition) == .whole)
    }

    @Test("a weak tag of the representation never matches")
    func weakRepresentation() {
        let decision = RangeDecision(range: "bytes=0-0", ifRange: "W/\"abc\"", etag: "W/\"abc\"", sizeBytes: 10)
        #expect(decision == .whole)
    }

    @Test("Content-Range is written as RFC 9110 has it")
    func contentRange() {
        #expect(ByteRange(bytes: 0..<10, sizeBytes: 100).contentRange == "bytes 0-9/100")
        #expect(ByteRange.unsatisfiedContentRange(sizeBytes: 100) == "bytes */100")
    }
}
