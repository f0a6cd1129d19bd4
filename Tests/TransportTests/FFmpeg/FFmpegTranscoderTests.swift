import Actors
import FoundationEssentials
import Synchronization
import Testing
import Transport

@Suite("the transcoder", .timeLimit(.minutes(2)))
struct FFmpegTranscoderTests {
    @Test(
        "any shape becomes 1280x720 with square pixels, even steps, index first, no sound, and decodes cleanly",
        arguments: [
            ("testsrc2=s=1920x1080:r=60:d=1.5", 45, .standard, []), ("testsrc2=s=360x640:r=24:d=1", 24, .film, []),
            ("testsrc2=s=400x300:r=25:d=2", 50, .european, []), ("testsrc2=s=640x360:r=50:d=1", 25, .european, []),
            ("testsrc2=s=640x360:r=24000/1001:d=2", 48, .film, []),
            ("testsrc2=s=352x288:r=30:d=1,setsar=16/11", 30, .standard, []),
            (
                "testsrc2=s=322x242:r=30:d=1", 30, .standard,
                ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "5", "-f", "mov"]
            ),
        ] as [(String, Int, ClipRate, [String])])
    func shapes(source: String, frames: Int, rate: ClipRate, options: [String]) async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let sound = ["-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"]
        let file = folder.file("in.mov")
        try await lab.ffmpeg(
            ["-f", "lavfi", "-i", source] + sound + ["-c:v", "libx264", "-preset", "ultrafast"]
                + ["-pix_fmt", "yuv420p"] + options + [file.path])
        let clip = try await lab.transcoder().transcode(file, in: folder) { _ in }
        try await check(clip, frames: frames, rate, lab)
    }

    private func check(
        _ clip: TranscodedClip, frames: Int, _ rate: ClipRate, _ lab: MediaLab
    ) async throws {
        let facts = lab.kit.bumpers(at: rate).facts
        let all = frames + facts.introFrames + facts.outroFrames
        let entries = "stream=codec_type,codec_name,profile,width,height,sample_aspect_ratio,pix_fmt"
        let streams = try await lab.ffprobe(["-show_entries", entries, "-of", "csv=p=0"], clip.video)
        #expect(streams == "h264,High,video,1280,720,1:1,yuv420p\n")
        let packets = try await lab.ffprobe(
            ["-show_entries", "packet=dts", "-of", "csv=p=0"], clip.video
        ).split(whereSeparator: { !$0.isNumber && $0 != "-" }).compactMap { Int($0) }
        #expect(abs(packets.count - all) <= 1)
        #expect(Set(zip(packets.dropFirst(), packets).map { $0 - $1 }) == [30_000 / rate.framesPerSecond])
        #expect(boxes(of: clip.video).filter { $0 == "moov" || $0 == "mdat" } == ["moov", "mdat"])
        try await lab.ffmpeg(["-xerror", "-i", clip.video.path, "-f", "null", "-"])
        #expect(abs(clip.duration.inSeconds - rate.duration(frames: all).inSeconds) < 0.045)
        #expect(clip.sizeBytes > 10_000)
        let poster = try await lab.ffprobe(
            ["-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"], clip.poster)
        #expect(poster == "mjpeg,640,360\n")
    }

    @Test("a phone's portrait clip stands upright between black bars")
    func portrait() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let flat = try await lab.clip("flat.mp4", in: folder, source: "color=white:s=640x360:r=30:d=1")
        let file = folder.file("turned.mp4")
        try await lab.ffmpeg(["-i", flat.path, "-c", "copy", "-metadata:s:v:0", "rotate=90", file.path])
        let clip = try await lab.transcoder().transcode(file, in: folder) { _ in }
        let middle = try await lab.pixels(of: clip.video, atSecond: 2.9, crop: "16:720:632:0")
        let bar = try await lab.pixels(of: clip.video, atSecond: 2.9, crop: "400:600:0:0")
        #expect((middle.min() ?? 0) > 200)
        #expect((bar.max() ?? 255) < 30)
    }

    @Test("a picture that is almost 16:9 fills the frame: no hairline of black", arguments: ["1920x1082", "1366x768"])
    func almost(size: String) async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip("in.mp4", in: folder, source: "color=white:s=\(size):r=30:d=0.5")
        let clip = try await lab.transcoder().transcode(file, in: folder) { _ in }
        for crop in ["1280:2:0:0", "1280:2:0:718", "2:720:0:0", "2:600:1278:0"] {
            let edge = try await lab.pixels(of: clip.video, atSecond: 2.6, crop: crop)
            #expect((edge.min() ?? 0) > 200, "\(crop)")
        }
    }

    @Test("the watermark is there in the last second, at the lower right alone")
    func watermark() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip("grey.mp4", in: folder, source: "color=0x505050:s=640x360:r=30:d=2")
        let clip = try await lab.transcoder().transcode(file, in: folder) { _ in }
        let right = try await lab.pixels(of: clip.video, atSecond: 4.2, crop: "160:56:1096:640")
        let left = try await lab.pixels(of: clip.video, atSecond: 4.2, crop: "160:56:24:640")
        #expect(Int(right.max() ?? 0) - Int(right.min() ?? 255) > 120)
        #expect(Int(left.max() ?? 255) - Int(left.min() ?? 0) < 12)
    }

    @Test("the poster is of the part that shows something: neither black nor blurred")
    func poster() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let scene = "testsrc2=s=640x360:r=30:d=6"
        // Black, blurred, sharp, black again.
        let file = try await lab.clip(
            "scenes.mp4", in: folder,
            source: "\(scene),boxblur=20:enable=lt(t\\,3),drawbox=t=fill:c=black:enable=lt(t\\,1.5)+gte(t\\,4.5)")
        let clip = try await lab.transcoder().transcode(file, in: folder) { _ in }
        let row = try await lab.pixels(of: clip.poster, atSecond: 0, crop: "400:2:60:120")
        let edges = zip(row.dropFirst(), row).prefix(399).filter { abs(Int($0) - Int($1)) > 40 }.count
        #expect((row.max() ?? 0) > 150)
        #expect(edges >= 3, "\(edges) sharp edges in a row of the poster")
    }

    @Test("HD that does not name its colours keeps its sample values")
    func untaggedColour() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip("orange.mp4", in: folder, source: "color=0xF06010:s=1280x720:r=30:d=1")
        let clip = try await lab.transcoder().transcode(file, in: folder) { _ in }
        let before = try await lab.pixels(of: file, atSecond: 0.5, crop: "16:16:24:24")
        let after = try await lab.pixels(of: clip.video, atSecond: 2.9, crop: "16:16:24:24")
        #expect(abs(Int(before[100]) - Int(after[100])) <= 2)
    }

    @Test("at most thirty seconds are published, and progress rises to 100")
    func thirtySeconds() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip("long.mp4", in: folder, source: "testsrc2=s=320x180:r=10:d=33")
        let told = Mutex<[Int]>([])
        let clip = try await lab.transcoder().transcode(file, in: folder) { percent in
            told.withLock { $0.append(percent) }
        }
        #expect(abs(clip.duration.inSeconds - 34.8) < 0.05)
        let percents = told.withLock { $0 }
        #expect(percents.first == 0)
        #expect(percents.last == 100)
        #expect(zip(percents.dropFirst(), percents).allSatisfy { $0 > $1 })
    }

    @Test("paths with every odd character are safe")
    func oddPaths() async throws {
        let lab = try await MediaLab.get()
        let outer = try MediaLab.folder()
        let folder = Workspace(path: "\(outer.path)/-o 'q' [a],b;c:d %d\\é")
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: lab.kitFolder, toPath: folder.file("kit").path)
        let kit = BrandKit(folder: folder.file("kit").path, facts: lab.kit.facts)
        let file = try await lab.clip("-i %03d.mp4", in: folder, source: "testsrc2=s=320x180:r=30:d=0.5")
        let clip = try await lab.transcoder(kit).transcode(file, in: folder) { _ in }
        #expect(abs(clip.duration.inSeconds - 5.3) < 0.05)
    }

    @Test("a clip whose parameters differ from the bumpers' is joined by a second encode")
    func differentParameters() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        var facts = lab.kit.facts
        for index in facts.indices { facts[index].extradataHash = "MD5:other" }
        let kit = BrandKit(folder: lab.kitFolder, facts: facts)
        let file = try await lab.clip("in.mp4", in: folder, source: "testsrc2=s=320x180:r=30:d=1")
        try await check(lab.transcoder(kit).transcode(file, in: folder) { _ in }, frames: 30, .standard, lab)
    }

    @Test("two clips are made at once")
    func parallel() async throws {
        let lab = try await MediaLab.get()
        let transcoder = try await lab.transcoder()
        try await withThrowingTaskGroup { tasks in
            for _ in 0..<2 {
                tasks.addTask {
                    let folder = try MediaLab.folder()
                    let file = try await lab.clip("in.mp4", in: folder, source: "testsrc2=s=640x360:r=30:d=2")
                    return try await transcoder.transcode(file, in: folder) { _ in }
                }
            }
            for try await clip in tasks { #expect(abs(clip.duration.inSeconds - 6.8) < 0.05) }
        }
    }

    @Test("what is no video is refused, and nothing is left running")
    func notAVideo() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = folder.file("list.mp4")
        try "#EXTM3U\n#EXTINF:1,\nhttp://localhost/x.ts\n".write(toFile: file.path, atomically: false, encoding: .utf8)
        let reason = FailureReason.notAVideo(allowed: ["MP4", "MOV", "AVI", "WMV", "MKV", "WEBM"])
        await #expect(throws: TranscodeError.unusable(reason)) {
            _ = try await lab.transcoder().transcode(file, in: folder) { _ in }
        }
    }

    @Test("an upload that lost its end is cut short, not published")
    func cutShort() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip(
            "in.mp4", in: folder, source: "testsrc2=s=320x180:r=30:d=8", options: ["-movflags", "+faststart"])
        let whole = try Data(contentsOf: URL(filePath: file.path))
        try whole.prefix(whole.count / 2).write(to: URL(filePath: file.path))
        await #expect(throws: TranscodeError.unusable(.cutShort)) {
            _ = try await lab.transcoder().transcode(file, in: folder) { _ in }
        }
    }

    @Test("a clip without a single picture that decodes is damaged")
    func corrupt() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip(
            "in.mp4", in: folder, source: "testsrc2=s=320x180:r=30:d=2", options: ["-movflags", "+faststart"])
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: file.path)))
        let start = try #require(bytes.indices.dropLast(4).first { bytes[$0..<$0 + 4].elementsEqual("mdat".utf8) })
        for index in (start + 4)..<bytes.count { bytes[index] = 0xFF }
        try Data(bytes).write(to: URL(filePath: file.path))
        await #expect(throws: TranscodeError.unusable(.corrupt)) {
            _ = try await lab.transcoder().transcode(file, in: folder) { _ in }
        }
    }

    @Test("a broken brand kit is the node's fault, never the clip's")
    func brokenKit() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip("in.mp4", in: folder, source: "testsrc2=s=320x180:r=30:d=1")
        let kit = BrandKit(folder: "/nowhere", facts: lab.kit.facts)
        let error = await #expect(throws: TranscodeError.self, "a clip without a brand was published") {
            _ = try await lab.transcoder(kit).transcode(file, in: folder) { _ in }
        }
        #expect(error?.isOfTheAttempt == true)
    }

    @Test("a full disk fails the attempt, not the clip")
    func noRoom() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip("in.mp4", in: folder, source: "testsrc2=s=320x180:r=30:d=2")
        // The output's name leads to a device that is always full.
        let stage = folder.file("stage").path
        try FileManager.default.createDirectory(atPath: stage, withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: stage + "/main.mp4", withDestinationPath: "/dev/full")
        let error = await #expect(throws: TranscodeError.self, "a clip was published from a full disk") {
            _ = try await lab.transcoder().transcode(file, in: folder) { _ in }
        }
        #expect(error?.isOfTheAttempt == true)
    }

    @Test("cancellation ends within two seconds and leaves no process")
    func cancellation() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.longClip(in: folder)
        let transcoder = try await lab.transcoder()
        let (started, begin) = AsyncStream.makeStream(of: Void.self)
        let ended: Duration = await withTaskGroup(of: ContinuousClock.Instant.self) { tasks in
            tasks.addTask {
                await #expect(throws: TranscodeError.cancelled) {
                    _ = try await transcoder.transcode(file, in: folder) { if $0 > 0 { begin.yield() } }
                }
                return ContinuousClock.now
            }
            for await _ in started { break }
            let asked = ContinuousClock.now
            tasks.cancelAll()
            return (await tasks.next() ?? asked) - asked
        }
        #expect(ended < .seconds(2))
        #expect(processes(naming: folder.path).isEmpty)
    }

    @Test("a run beyond its deadline fails the attempt and leaves no process")
    func deadline() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.longClip(in: folder)
        let transcoder = try await lab.transcoder { $0.encodeDeadline = .milliseconds(300) }
        let error = await #expect(throws: TranscodeError.self, "half a minute of 1080p took 300 ms") {
            _ = try await transcoder.transcode(file, in: folder) { _ in }
        }
        #expect(error?.isOfTheAttempt == true)
        #expect(processes(naming: folder.path).isEmpty)
    }
}

extension TranscodeError {
    fileprivate var isOfTheAttempt: Bool {
        guard case .failed = self else { return false }
        return true
    }
}
