import Glibc
import Testing
import Transport

@Suite("A sink that waits for nobody")
struct FileDescriptorSinkTests {
    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    @Test("a reader that does not read costs lines, which are counted, and never the writer's time")
    func full() throws {
        let (reader, writer) = try Self.pipe()
        defer {
            close(reader)
            close(writer)
        }
        let sink = FileDescriptorSink(descriptor: writer)
        let line = String(repeating: "x", count: 999)
        for _ in 0..<1000 { sink.write(line) }
        #expect(sink.dropped > 0)
        // What it took is whole lines, in order, once somebody reads: the end of one written in part comes first.
        var received = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        received += read(reader, &buffer, buffer.count)
        sink.write("last")
        received += read(reader, &buffer, buffer.count)
        #expect(received % 1000 == 5, "whole lines of 1,000 bytes, and one of five")
        // The pipe's own description, which others may share, still blocks.
        #expect(fcntl(writer, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test("a reader that reads again is told how many lines it missed, once")
    func notice() throws {
        let (reader, writer) = try Self.pipe()
        defer {
            close(reader)
            close(writer)
        }
        let sink = FileDescriptorSink(descriptor: writer) { "missed \($0)" }
        for _ in 0..<1000 { sink.write(String(repeating: "x", count: 999)) }
        let missed = sink.dropped
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        _ = read(reader, &buffer, buffer.count)
        sink.write("next")
        sink.write("last")
        let count = read(reader, &buffer, buffer.count)
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        #expect(text.hasSuffix("xx\nmissed \(missed)\nnext\nlast\n"), "\(text.suffix(100))")
    }

    @Test("a reader that is gone costs every line, and each is counted")
    func gone() throws {
        signal(SIGPIPE, SIG_IGN)
        let (reader, writer) = try Self.pipe()
        defer { close(writer) }
        let sink = FileDescriptorSink(descriptor: writer)
        close(reader)
        for _ in 0..<3 { sink.write("line") }
        #expect(sink.dropped == 3)
    }
}
