import Actors
import Testing
import Transport

@Suite("media values")
struct MediaValueTests {
    @Test("progress rises from 0 to 100, survives N/A, foreign keys, cut lines and wild numbers")
    func progress() {
        var progress = EncodeProgress(expected: .seconds(10))
        #expect(progress.read(Array("out_time_us=N/A\nfps=3\n".utf8)) == nil)
        #expect(progress.read(Array("out_time_us=-5\n".utf8)) == 0)
        #expect(progress.read(Array("out_time_us=25".utf8)) == nil)
        #expect(progress.read(Array("00000\nprogress=continue\n".utf8)) == 25)
        #expect(progress.read(Array("out_time_us=1000000\n".utf8)) == nil)
        #expect(progress.read(Array(repeating: UInt8(ascii: "x"), count: 100_000)) == nil)
        #expect(progress.read(Array("\nout_time_us=9223372036854775807\n".utf8)) == 100)
        #expect(progress.read(Array("out_time_us=9999999999\n".utf8)) == nil)
    }

    @Test("progress of a longer or unknown original is measured by the longest clip")
    func longest() {
        for length in [Duration.seconds(600), .zero] {
            var progress = EncodeProgress(expected: length)
            #expect(progress.read(Array("out_time_us=15000000\n".utf8)) == 50)
        }
    }

    @Test(
        "a clip that ends clearly before it says is cut short",
        arguments: [
            (900, 600.0, false), (890, 30, false), (600, 30, true), (149, 10, true), (285, 10, false), (5, 10, true),
            (30, 1, false), (16, 1, false), (14, 1, true), (0, 1, true),
        ] as [(Int, Double, Bool)])
    func cutShort(frames: Int, seconds: Double, isCut: Bool) {
        let expected = ClipLength.expected(of: .seconds(seconds))
        #expect(ClipLength.isCutShort(frames: frames, at: .standard, expected: expected) == isCut)
    }

    @Test(
        "a clip keeps its rate or an even part of it, and gets 30 where there is none",
        arguments: [
            (24000.0 / 1001, 24), (24, 24), (48, 24), (25, 25), (50, 25), (100, 25), (30000.0 / 1001, 30), (30, 30),
            (60, 30), (60000.0 / 1001, 30), (120, 30), (240, 30), (15, 30), (12, 24), (12.5, 25), (10, 30), (24.8, 25),
            (29.8, 30), (20, 30), (24.5, 30), (27.3, 30), (1000, 25),
        ] as [(Double, Int)])
    func rate(original: Double, published: Int) {
        #expect(ClipRate(of: original).framesPerSecond == published)
    }

    @Test("an original without a steady rate gets 30")
    func noRate() {
        for rate in [nil, 0, -25, .nan, .infinity] as [Double?] { #expect(ClipRate(of: rate) == .standard) }
    }

    @Test("an original of unknown length needs one frame")
    func unknownLength() {
        #expect(!ClipLength.isCutShort(frames: 1, at: .standard, expected: nil))
        #expect(ClipLength.isCutShort(frames: 0, at: .standard, expected: nil))
    }

    @Test("text is escaped for the filter and for the graph around it")
    func escaping() {
        #expect(FilterText.escape("a:b") == "a\\\\:b")
        #expect(FilterText.escape("it's") == "it\\\\\\'s")
        #expect(FilterText.escape("[x],y;") == "\\[x\\]\\,y\\;")
        #expect(FilterText.quote("it's") == "'it'\\''s'")
    }

    @Test("the tail keeps the last bytes in order")
    func tail() {
        var tail = OutputTail(limitBytes: 4)
        for chunk in ["ab", "cdefghijkl", "m", "no"] { tail.append(Array(chunk.utf8)) }
        #expect(tail.text == "lmno")
    }

    @Test("a container is known by its first bytes")
    func signature() {
        let webm: [UInt8] = [0x1A, 0x45, 0xDF, 0xA3, 0x87, 0x42, 0x82, 0x84] + Array("webm".utf8)
        #expect(ContainerSignature(head: webm) == .matroska(docType: "webm"))
        #expect(ContainerSignature(head: [0x1A, 0x45, 0xDF, 0xA3, 0xFF, 0x42]) == .matroska(docType: nil))
        #expect(ContainerSignature(head: [0, 0, 0, 20] + Array("ftypqt  ".utf8)) == .movie)
        #expect(ContainerSignature(head: Array("RIFF....WAVE".utf8)) == nil)
        #expect(ContainerSignature(head: Array("#EXTM3U\n".utf8)) == nil)
        #expect(ContainerSignature(head: []) == nil)
    }
}
