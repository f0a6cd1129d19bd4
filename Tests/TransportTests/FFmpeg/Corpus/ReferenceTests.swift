import Actors
import FoundationEssentials
import Glibc
import Testing
import Transport

@Suite("files that refer to others", .timeLimit(.minutes(2)))
struct ReferenceTests {
    /// Without a sandbox, too: the white lists alone must hold.
    @Test(
        "nothing that a file refers to is asked for, and no file that it names is read",
        arguments: [MediaSandbox.Form.allCases, [.none]])
    func references(sandboxes: [MediaSandbox.Form]) async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let listener = try Listener()
        // Who opens a pipe without a writer waits for ever: the deadline would tell.
        let trap = folder.file("trap.mp4").path
        #expect(mkfifo(trap, 0o666) == 0)
        let address = "http://127.0.0.1:\(listener.port)/x.mp4"
        let transcoder = try await lab.transcoder { settings in
            settings.sandboxes = sandboxes
            settings.encodeDeadline = .seconds(20)
        }
        for (number, content) in Self.contents(address, trap).enumerated() {
            let file = folder.file("upload-\(number).mp4")
            try Data(content).write(to: URL(filePath: file.path))
            let error = await #expect(throws: TranscodeError.self, "\(number) became a clip") {
                _ = try await transcoder.transcode(file, in: folder) { _ in }
            }
            guard case .unusable(let reason) = error else {
                Issue.record("\(number): not the clip's fault")
                continue
            }
            #expect([.notAVideo, .corrupt].contains(reason.code))
        }
        #expect(!listener.wasReached)
    }

    private static func contents(_ address: String, _ trap: String) -> [[UInt8]] {
        let texts = [address, "file://\(trap)", trap].flatMap { target in
            [
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n\(target)\n#EXT-X-ENDLIST\n",
                "ffconcat version 1.0\nfile '\(target)'\n",
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet>"
                    + "<Representation id=\"1\"><BaseURL>\(target)</BaseURL></Representation></AdaptationSet></Period></MPD>",
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
                "<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"\(target)\"/></svg>",
                "\(target)\n",
            ]
        }
        // The same behind the beginning of a QuickTime file, whose signature alone is right.
        return texts.map { Array($0.utf8) } + texts.map { [0, 0, 0, 8] + Array("wide".utf8) + Array($0.utf8) }
            + [reference(to: address), reference(to: trap)]
    }

    /// A QuickTime file that is nothing but the address of another one (QuickTime File Format, "Reference movies").
    private static func reference(to target: String) -> [UInt8] {
        func atom(_ name: String, _ content: [UInt8]) -> [UInt8] {
            let size = UInt32(content.count + 8)
            return (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) } + Array(name.utf8) + content
        }
        let name = Array(target.utf8) + [0]
        let length = (0..<4).map { UInt8(truncatingIfNeeded: UInt32(name.count) >> (24 - 8 * $0)) }
        let place = atom("rdrf", [0, 0, 0, 0] + Array("url ".utf8) + length + name)
        return atom("ftyp", Array("qt  ".utf8) + [0, 0, 0, 0] + Array("qt  ".utf8))
            + atom("moov", atom("rmra", atom("rmda", place)))
    }
}

/// A port that nobody is to knock at.
private final class Listener: Sendable {
    let port: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isBound else { throw MediaLabError(detail: "no port: errno \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }

    var wasReached: Bool {
        let visitor = accept(descriptor, nil, nil)
        if visitor >= 0 { close(visitor) }
        return visitor >= 0
    }
}
