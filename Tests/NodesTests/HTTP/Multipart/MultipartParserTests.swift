import Actors
import Nodes
import Testing

@Suite("Multipart parser")
struct MultipartParserTests {
    private static let boundary = "--Kn0t"
    /// Preamble, padding, an empty body, bodies that nearly hold the boundary, an epilogue.
    private static let tricky = Array(
        """
        preamble\r\n--\r\n----Kn0\r\n----Kn0t \t\r\nContent-Disposition: form-data; name="title"\r\n\r\n\
        a\r\r\n\r\n--\r\n----Kn0\r\n----Kn0T\r\n----Kn0t\r\n\
        content-disposition: form-data; name=empty\r\n\r\n\r\n----Kn0t\r\n\
        Content-Disposition: form-data; name="file"; filename="dunk.mp4"\r\nContent-Type: video/mp4\r\n\r\n\
        \r\n--\r\r\n---\r\n\r\n----Kn0t--  \r\nepilogue\r\n----Kn0t\r\n
        """.utf8)

    private func text(_ part: MultipartTranscript.Part) -> String {
        String(decoding: part.body, as: UTF8.self)
    }

    @Test("a tricky message is read as RFC 2046 means it")
    func trickyMessage() throws {
        let transcript = try MultipartTranscript.parse([Self.tricky[...]], boundary: Self.boundary)
        try #require(transcript.parts.count == 3)
        #expect(transcript.isFinished)
        #expect(transcript.parts.map { $0.headers.name } == ["title", "empty", "file"])
        #expect(text(transcript.parts[0]) == "a\r\r\n\r\n--\r\n----Kn0\r\n----Kn0T")
        #expect(text(transcript.parts[1]) == "")
        #expect(text(transcript.parts[2]) == "\r\n--\r\r\n---\r\n")
        #expect(transcript.parts[2].headers.filename == "dunk.mp4")
        #expect(transcript.parts[2].headers.contentType == "video/mp4")
        #expect(transcript.parts.map(\.hasEnded) == [true, true, true])
    }

    @Test("every pair of split points gives the same parts")
    func everySplit() throws {
        let bytes = Self.tricky
        let whole = try MultipartTranscript.parse([bytes[...]], boundary: Self.boundary)
        for first in 0...bytes.count {
            for second in first...min(first + 12, bytes.count) {
                let chunks = [bytes[..<first], bytes[first..<second], bytes[second...]]
                #expect(try MultipartTranscript.parse(chunks, boundary: Self.boundary) == whole, "\(first) \(second)")
            }
        }
        let single = bytes.indices.map { bytes[$0...$0] }
        #expect(try MultipartTranscript.parse(single, boundary: Self.boundary) == whole)
    }

    @Test("random bodies full of partial boundaries come out as they went in", arguments: 0..<200)
    func randomBodies(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let boundary = String(repeating: "-", count: Int.random(in: 0...3, using: &random)) + "x\(seed)"
        let delimiter = Array("\r\n--\(boundary)".utf8)
        var bodies: [[UInt8]] = []
        var message: [UInt8] = []
        for index in 0..<Int.random(in: 1...4, using: &random) {
            var body: [UInt8] = []
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                body += delimiter.prefix(Int.random(in: 0..<delimiter.count, using: &random))
                body.append(
                    [0x0D, 0x0A, 0x2D, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)!)
            }
            // The delimiter's last byte is a digit of the seed: a random byte may have completed it.
            if String(decoding: body, as: UTF8.self).contains(String(decoding: delimiter, as: UTF8.self)) { body = [] }
            bodies.append(body)
            message += Array("--\(boundary)\r\nContent-Disposition: form-data; name=\(index)\r\n\r\n".utf8)
            message += body + [0x0D, 0x0A]
        }
        message += Array("--\(boundary)--\r\n".utf8)
        var chunks: [ArraySlice<UInt8>] = []
        var rest = message[...]
        while !rest.isEmpty {
            let count = Int.random(in: 0...30, using: &random)
            chunks.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        let transcript = try MultipartTranscript.parse(chunks, boundary: boundary)
        #expect(transcript.parts.map(\.body) == bodies)
    }

    @Test("a message of no parts is finished")
    func noParts() throws {
        #expect(try MultipartTranscript.parse("--b--") == MultipartTranscript(parts: [], isFinished: true))
    }

    @Test("a body without its last boundary is truncated, wherever it ends")
    func truncated() throws {
        let bytes = Self.tricky
        let epilogue = Array("  \r\nepilogue\r\n----Kn0t\r\n".utf8).count
        for end in 0..<(bytes.count - epilogue) {
            #expect(throws: MultipartError.truncated) {
                try MultipartTranscript.parse([bytes[..<end]], boundary: Self.boundary)
            }
        }
    }

    @Test(
        "what is malformed is refused by name",
        arguments: [
            ("--bx\r\n", MultipartError.malformedDelimiter), ("--b-x", .malformedDelimiter),
            ("--b\n", .malformedDelimiter), ("--b\r\n\r\n", .malformedHeaders),
            ("--b\r\nno colon\r\n\r\n", .malformedHeaders),
            ("--b\r\nContent-Type: a/b\r\n\r\n", .malformedHeaders),
            ("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n", .malformedHeaders),
            ("--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n", .malformedHeaders),
            (
                "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n",
                .malformedHeaders
            ),
            ("--b\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n", .malformedHeaders),
            ("--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n", .malformedHeaders),
            ("--b\r\nContent-Disposition: form-data; name=a\0\r\n\r\n", .malformedHeaders),
            ("--b\r\nContent-Disposition : form-data; name=a\r\n\r\n", .malformedHeaders),
            ("--b\r\nContent-Disposition: form-data\r\n\r\n", .missingName),
        ]
    )
    func malformed(message: String, error: MultipartError) {
        #expect(throws: error) { try MultipartTranscript.parse(message) }
    }

    @Test("a failed parser repeats its error")
    func failedStaysFailed() throws {
        var parser = MultipartParser(boundary: try MultipartBoundary("b"))
        for _ in 0..<2 {
            #expect(throws: MultipartError.malformedDelimiter) { _ = try parser.receive(Array("--bx".utf8)) }
        }
        #expect(throws: MultipartError.malformedDelimiter) { try parser.finish() }
    }

    @Test("limits hold, one byte or part beyond is refused")
    func limits() throws {
        let disposition = "Content-Disposition: form-data; name=a\r\n\r\n"
        let part = "--b\r\n" + disposition + "\r\n"
        var limits = MultipartLimits()
        limits.maxHeaderBytes = disposition.utf8.count
        limits.maxParts = 2
        limits.maxSurroundingBytes = 3
        func parse(_ text: String) throws {
            _ = try MultipartTranscript.parse([Array(text.utf8)[...]], boundary: "b", limits: limits)
        }
        try parse(part + part + "--b--")
        #expect(throws: MultipartError.tooManyParts(limit: 2)) { try parse(part + part + part + "--b--") }
        try parse("abc\r\n" + part + "--b--")
        #expect(throws: MultipartError.surroundingsTooLarge(limitBytes: 3)) { try parse("abcd\r\n" + part + "--b--") }
        try parse(part + "--b--\r\n1")
        #expect(throws: MultipartError.surroundingsTooLarge(limitBytes: 3)) { try parse(part + "--b--\r\n12") }
        #expect(throws: MultipartError.surroundingsTooLarge(limitBytes: 3)) { try parse("--b    \r\n" + disposition) }
        limits.maxHeaderBytes -= 1
        #expect(throws: MultipartError.headersTooLarge(limitBytes: limits.maxHeaderBytes)) { try parse(part) }
    }
}
