import Actors
import FoundationEssentials
import Glibc
import Testing
import Transport

@Suite("the media probe", .timeLimit(.minutes(1)))
struct MediaProbeTests {
    private static let source = "testsrc2=s=320x240:r=30:d=1"

    @Test(
        "each accepted container is known by its content, whatever its name",
        arguments: [
            (MediaContainer.mp4, ["-f", "mp4"]), (.mov, ["-f", "mov"]), (.mkv, ["-f", "matroska"]),
            (.avi, ["-f", "avi"]), (.wmv, ["-c:v", "wmv2", "-f", "asf"]),
            (.webm, ["-c:v", "libvpx", "-b:v", "200k", "-f", "webm"]),
        ])
    func containers(container: MediaContainer, options: [String]) async throws {
        let lab = try await MediaLab.get()
        let file = try await lab.clip("-odd 'ñ' %d:name", in: MediaLab.folder(), source: Self.source, options: options)
        let media = try await FFprobeMediaProbe(tools: lab.tools).probe(file)
        #expect(media.container == container)
        #expect([media.width, media.height] == [320, 240])
        #expect(abs((media.duration ?? .zero).inSeconds - 1) < 0.1)
    }

    @Test("a phone's rotation turns width and height")
    func rotation() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let flat = try await lab.clip("flat.mp4", in: folder, source: Self.source)
        let file = folder.file("turned.mp4")
        try await lab.ffmpeg(["-i", flat.path, "-c", "copy", "-metadata:s:v:0", "rotate=90", file.path])
        let media = try await FFprobeMediaProbe(tools: lab.tools).probe(file)
        #expect([media.width, media.height] == [240, 320])
    }

    @Test("a Matroska clip that starts late is no longer for it")
    func lateStart() async throws {
        let lab = try await MediaLab.get()
        let file = try await lab.clip(
            "late.mkv", in: MediaLab.folder(), source: Self.source, options: ["-output_ts_offset", "7"])
        let media = try await FFprobeMediaProbe(tools: lab.tools).probe(file)
        #expect(abs((media.duration ?? .zero).inSeconds - 1) < 0.1)
    }

    @Test("a browser's recording without a length has none")
    func noLength() async throws {
        let lab = try await MediaLab.get()
        let file = try await lab.clip(
            "live.webm", in: MediaLab.folder(), source: Self.source,
            options: ["-c:v", "libvpx", "-b:v", "200k", "-live", "1", "-f", "webm"])
        #expect(try await FFprobeMediaProbe(tools: lab.tools).probe(file).duration == nil)
    }

    @Test("sound with a cover picture is no video")
    func cover() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let picture = folder.file("cover.png")
        try await lab.ffmpeg(["-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.04:r=25", "-frames:v", "1", picture.path])
        let file = folder.file("song.mp4")
        try await lab.ffmpeg([
            "-f", "lavfi", "-i", "sine=d=1", "-i", picture.path, "-map", "0", "-map", "1", "-c:a", "aac",
            "-c:v", "png", "-disposition:v", "attached_pic", file.path,
        ])
        await #expect(throws: MediaProbeError.notAVideo) {
            _ = try await FFprobeMediaProbe(tools: lab.tools).probe(file)
        }
    }

    @Test(
        "text, pictures, playlists, scripts and nothing are no video",
        arguments: ["hello\n", "", "\u{89}PNG", "#EXTM3U\n#EXTINF:1,\nx.ts\n", "ffconcat version 1.0\nfile x.mp4\n"])
    func notAVideo(content: String) async throws {
        let lab = try await MediaLab.get()
        let file = try MediaLab.folder().file("upload.mp4")
        try content.write(toFile: file.path, atomically: false, encoding: .utf8)
        await #expect(throws: MediaProbeError.notAVideo) {
            _ = try await FFprobeMediaProbe(tools: lab.tools).probe(file)
        }
    }

    @Test("ffprobe itself refuses a playlist and a concat script without opening what they name")
    func scripts() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        // Who opens a pipe without a writer waits for ever: the deadline would tell.
        let trap = folder.file("trap.mp4")
        #expect(mkfifo(trap.path, 0o600) == 0)
        for content in [
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n\(trap.path)\n#EXT-X-ENDLIST\n",
            "ffconcat version 1.0\nfile '\(trap.path)'\n",
        ] {
            let file = folder.file("upload.mp4")
            try content.write(toFile: file.path, atomically: false, encoding: .utf8)
            await #expect(throws: MediaProbeError.corrupt) {
                _ = try await FFprobeMediaProbe(tools: lab.tools).report(file)
            }
        }
    }

    @Test("an mp4 that lost its index is damaged")
    func truncated() async throws {
        let lab = try await MediaLab.get()
        let file = try await lab.clip("cut.mp4", in: MediaLab.folder(), source: Self.source)
        let whole = try Data(contentsOf: URL(filePath: file.path))
        try whole.prefix(whole.count / 2).write(to: URL(filePath: file.path))
        await #expect(throws: MediaProbeError.corrupt) {
            _ = try await FFprobeMediaProbe(tools: lab.tools).probe(file)
        }
    }

    @Test("a picture that is too large is measured, so that the policy can say so")
    func tooLarge() async throws {
        let lab = try await MediaLab.get()
        let file = try await lab.clip(
            "big.avi", in: MediaLab.folder(), source: "color=red:s=8000x5000:r=1:d=1",
            options: ["-frames:v", "1", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"])
        let media = try await FFprobeMediaProbe(tools: lab.tools).probe(file)
        #expect([media.width, media.height] == [8000, 5000])
    }

    @Test("a file that is not there is the node's trouble, not the player's")
    func absent() async throws {
        let lab = try await MediaLab.get()
        await #expect(throws: MediaProbeError.unavailable("the file cannot be opened")) {
            _ = try await FFprobeMediaProbe(tools: lab.tools).probe(LocalFile("/nowhere/clip.mp4"))
        }
    }
}
