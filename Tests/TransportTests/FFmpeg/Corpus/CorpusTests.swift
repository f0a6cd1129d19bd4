import Actors
import FoundationEssentials
import Testing
import Transport

@Suite("the corpus of odd clips", .timeLimit(.minutes(5)))
struct CorpusTests {
    @Test("each becomes a right clip", arguments: Specimen.usual)
    func usual(specimen: Specimen) async throws { try await specimen.expectClip() }

    @Test("a file that ends early gives a clip that is as long as promised, or a reason", arguments: [3, 6, 9])
    func truncated(tenths: Int) async throws { try await Damage.truncated(toTenths: tenths).expectAnOutcome() }

    @Test("rotten bits give a clip that plays, or a reason", arguments: [1, 2])
    func rotten(seed: UInt64) async throws { try await Damage.rotten(seed: seed).expectAnOutcome() }

    @Test("a codec that is not on the list is refused by its name")
    func unlistedCodec() async throws {
        let lab = try await MediaLab.get()
        let file = try MediaLab.folder().file("in.mkv")
        try await lab.ffmpeg(["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=1", "-c:v", "ffv1", file.path])
        await #expect(throws: MediaProbeError.unsupportedCodec("ffv1")) {
            _ = try await FFprobeMediaProbe(tools: lab.tools).probe(file)
        }
    }
}

/// Asked for by `./anb test --long`.
@Suite("the corpus of odd clips, whole", .timeLimit(.minutes(20)))
struct LongCorpusTests {
    @Test("each becomes a right clip", arguments: Specimen.rare)
    func rare(specimen: Specimen) async throws { try await specimen.expectClip() }

    @Test("a file that ends early gives a clip that is as long as promised, or a reason", arguments: 0...9)
    func truncated(tenths: Int) async throws { try await Damage.truncated(toTenths: tenths).expectAnOutcome() }

    @Test("rotten bits give a clip that plays, or a reason", arguments: 1...40)
    func rotten(seed: UInt64) async throws { try await Damage.rotten(seed: seed).expectAnOutcome() }
}

extension Specimen {
    func expectClip() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = folder.file(name)
        try await make(lab, file)
        let clip = try await lab.transcoder().transcode(file, in: folder) { _ in }
        try lab.keep(clip, name: name)
        try await lab.expectPublishable(clip, rate)
        let bumpers = lab.kit.bumpers(at: rate)
        let main = (clip.duration - bumpers.duration).inSeconds
        #expect(abs(main - seconds) < 1.5 / Double(rate.framesPerSecond), "\(name): \(main) s")
        let intro = rate.duration(frames: bumpers.facts.introFrames).inSeconds
        for second in [0.2, seconds - 0.2] {
            let difference = try await TestCard.worstDifference(
                in: clip.video, width: width, height: height, turned: turned, atSecond: intro + second, lab)
            #expect(difference <= tolerance, "\(name) at \(second) s: ΔE \(difference)")
        }
    }
}

/// What lines and disks do to a good file.
enum Damage {
    case truncated(toTenths: Int)
    case rotten(seed: UInt64)

    func expectAnOutcome() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        let file = try await lab.clip(
            "in.mp4", in: folder, source: "testsrc2=s=640x360:r=30:d=4",
            options: ["-movflags", "+faststart", "-g", "30"])
        try spoil(file)
        let transcoder = try await lab.transcoder()
        let outcome: Result<TranscodedClip, TranscodeError>
        do throws(TranscodeError) {
            outcome = .success(try await transcoder.transcode(file, in: folder) { _ in })
        } catch {
            outcome = .failure(error)
        }
        switch outcome {
        case .success(let clip):
            try await lab.expectPublishable(clip)
            #expect((clip.duration - lab.kit.bumpers(at: .standard).duration).inSeconds > 2.9)
        case .failure(.unusable(let reason)):
            #expect([.corrupt, .cutShort, .notAVideo].contains(reason.code), "\(self): \(reason)")
        case .failure(let error): Issue.record("\(self): \(error)")
        }
    }

    private func spoil(_ file: LocalFile) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: file.path)))
        switch self {
        case .truncated(let tenths): bytes = Array(bytes.prefix(bytes.count * tenths / 10))
        case .rotten(let seed):
            var state = seed
            for _ in 0..<40 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] ^= UInt8(1 << (state >> 20 & 7))
            }
        }
        try Data(bytes).write(to: URL(filePath: file.path))
    }
}

extension MediaLab {
    /// For `Benchmarks/contact-sheets`, which shows what the tests made.
    func keep(_ clip: TranscodedClip, name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["CORPUS_KEEP"] else { return }
        for (file, ending) in [(clip.video, "mp4"), (clip.poster, "jpg")] {
            try FileManager.default.copyItem(atPath: file.path, toPath: "\(folder)/\(name).\(ending)")
        }
    }

    /// The form that every published clip has.
    func expectPublishable(
        _ clip: TranscodedClip, _ rate: ClipRate = .standard, at location: SourceLocation = #_sourceLocation
    ) async throws {
        let entries =
            "stream=codec_type,codec_name,profile,width,height,sample_aspect_ratio,pix_fmt,color_range,color_space,"
            + "color_transfer,color_primaries"
        let streams = try await ffprobe(["-show_entries", entries, "-of", "csv=p=0"], clip.video)
        #expect(
            streams == "h264,High,video,1280,720,1:1,yuv420p,tv,bt709,bt709,bt709\n", sourceLocation: location)
        let steps = try await ffprobe(["-show_entries", "packet=dts", "-of", "csv=p=0"], clip.video)
            .split(whereSeparator: { !$0.isNumber && $0 != "-" }).compactMap { Int($0) }
        #expect(
            Set(zip(steps.dropFirst(), steps).map { $0 - $1 }) == [30_000 / rate.framesPerSecond],
            sourceLocation: location)
        #expect(
            boxes(of: clip.video).filter { $0 == "moov" || $0 == "mdat" } == ["moov", "mdat"], sourceLocation: location)
        let decoded = MediaCommand(
            executable: tools.ffmpeg,
            arguments: ["-v", "warning", "-xerror", "-i", "file:\(clip.video.path)", "-f", "null", "-"],
            limits: tools.settings.encodeLimits, deadline: .seconds(60))
        let result = try await decoded.run(in: plain)
        #expect(result.succeeded && result.errorTail.isEmpty, "\(result.errorTail)", sourceLocation: location)
        // The watermark is there to the last moment before the outro.
        let outro = rate.duration(frames: kit.bumpers(at: rate).facts.outroFrames)
        let last = (clip.duration - outro).inSeconds - 0.1
        let mark = try await pixels(of: clip.video, atSecond: last, crop: "160:56:1096:640")
        #expect(Int(mark.max() ?? 0) - Int(mark.min() ?? 255) > 90, sourceLocation: location)
    }
}
