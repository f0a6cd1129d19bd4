import Actors
import FoundationEssentials
import Glibc

/// Makes the files of a `BrandKit` in a folder.
struct BrandWorkshop: Sendable {
    let tools: FFmpegTools
    let brand: BrandFolder
    /// The version of the built-in art: to be raised when a picture changes.
    private static let artVersion = 2
    /// The box that a watermark fits into.
    private static let watermarkSize = (width: 320, height: 180)
    /// Of a watermark's most opaque pixel, of 255: below it nobody sees anything.
    private static let leastAlpha = 32
    private static let maximumPicturePixels = 50_000_000

    /// Names everything that the result depends on: art, encoder options, ffmpeg and the brand folder's files.
    var key: String {
        var words = ["\(Self.artVersion)", tools.version, tools.settings.fontDirectory]
        for rate in ClipRate.allCases {
            words.append(ClipFormat.fit(PictureTraits(light: .standard, isInterlaced: false), at: rate))
            words += encoder(rate)
        }
        return Self.fingerprint((words + brand.versions).joined(separator: "\n"))
    }

    func make(in folder: String) async throws(BrandKitError) -> [BrandKit.Facts] {
        let workspace = Workspace(path: folder)
        let job = try Job(in: workspace)
        let art = BrandArt(
            sky: job.stage.file("sky.png"), ball: job.stage.file("ball.png"),
            font: LocalFile("\(tools.settings.fontDirectory)/DejaVuSans-Bold.ttf"))
        let needsArt = BrandFolder.Part.allCases.contains { brand[$0] == nil }
        guard !needsArt || access(art.font.path, R_OK) == 0 else {
            throw .unusable("\(art.font.path) is missing: apt-get install fonts-dejavu-core")
        }
        // The organiser's first: what is wrong with them is told before anything is drawn.
        if let own = brand[.watermark] { try await fit(own, in: job) }
        if brand[.intro] != nil { try await bumper(.intro, orDrawn: art.intro, in: job) }
        if brand[.outro] != nil { try await bumper(.outro, orDrawn: art.outro, in: job) }
        if needsArt {
            let drawn = job.stage.file(brand[.watermark] == nil ? Self.watermarkName : "unused.png")
            try await run(art.stills(watermark: drawn), in: job)
            if brand[.intro] == nil { try await bumper(.intro, orDrawn: art.intro, in: job) }
            if brand[.outro] == nil { try await bumper(.outro, orDrawn: art.outro, in: job) }
        }
        try job.finish()
        var all: [BrandKit.Facts] = []
        for rate in ClipRate.allCases { all.append(try await facts(of: workspace, at: rate)) }
        return all
    }

    /// Tools write into the stage alone; what they have made is moved out of it when they are done.
    private struct Job: Sendable {
        let workspace: Workspace
        let stage: Stage

        init(in workspace: Workspace) throws(BrandKitError) {
            self.workspace = workspace
            do throws(TranscodeError) { stage = try Stage(in: workspace) } catch {
                throw .unavailable(error.explanation)
            }
        }

        func finish() throws(BrandKitError) {
            do throws(TranscodeError) {
                _ = try stage.take(BrandWorkshop.watermarkName)
                for rate in ClipRate.allCases {
                    for part in [BrandFolder.Part.intro, .outro] { _ = try stage.take(BrandKit.name(part, rate)) }
                }
            } catch {
                throw .unavailable(error.explanation)
            }
            try? FileManager.default.removeItem(atPath: stage.path)
        }
    }

    private static let watermarkName = "watermark.png"

    private func encoder(_ rate: ClipRate) -> [String] {
        ClipFormat.encoder(rate, rateFactor: tools.settings.rateFactor, threads: 1)
    }

    // MARK: - Bumpers

    private func bumper(
        _ part: BrandFolder.Part, orDrawn drawing: (ClipRate) -> String, in job: Job
    ) async throws(BrandKitError) {
        let own = brand[part]
        let copy = try own.map { own throws(BrandKitError) in try self.copy(own, in: job.workspace) }
        // A second core halves the wait of a first start.
        let failure = await withTaskGroup(of: BrandKitError?.self) { group in
            for rate in ClipRate.allCases {
                let drawn = drawing(rate)
                group.addTask {
                    do throws(BrandKitError) {
                        try await encode(part, own, copy, orDrawn: drawn, at: rate, in: job)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(nil) { first, next in first ?? next }
        }
        if let failure { throw failure }
        if let copy { unlink(copy.path) }
    }

    private func encode(
        _ part: BrandFolder.Part, _ own: BrandFolder.File?, _ copy: LocalFile?, orDrawn drawing: String,
        at rate: ClipRate, in job: Job
    ) async throws(BrandKitError) {
        let picture: [String] =
            switch (own, copy) {
            case (let own?, let copy?): try await picture(of: own, copy, at: rate)
            default: ["-filter_complex", drawing + "[v]"]
            }
        try await run(
            picture + ["-map", "[v]"] + encoder(rate) + [ClipFormat.url(job.stage.file(BrandKit.name(part, rate)))],
            reading: copy, of: own, in: job)
    }

    private func picture(
        of own: BrandFolder.File, _ copy: LocalFile, at rate: ClipRate
    ) async throws(BrandKitError) -> [String] {
        guard own.kind == .clip else {
            let size = (ClipFormat.width, ClipFormat.height)
            return input(own, copy, size: size) + ["-filter_complex", BrandArt.still(size: size, at: rate) + "[v]"]
        }
        do {
            let source = try await FFprobeMediaProbe(tools: tools).inspect(copy)
            // One second more than is allowed, so that too much is noticed.
            return tools.hostileInput(copy, seconds: BrandKit.maximumBumperSeconds + 1)
                + ["-filter_complex", "[0:\(source.stream)]\(ClipFormat.fit(source.traits, at: rate))[v]"]
        } catch .unavailable(let detail) {
            throw .unavailable("\(own.file.path): \(detail)")
        } catch {
            throw .unusable("\(own.file.path): \(error.reason?.english ?? "\(error)")")
        }
    }

    /// Options that read a picture; a drawing is drawn as large as the box allows.
    private func input(_ own: BrandFolder.File, _ copy: LocalFile, size: (Int, Int)) -> [String] {
        let form =
            own.kind == .svg
            ? ["-f", "svg_pipe", "-width", "\(size.0)", "-height", "\(size.1)", "-keep_ar", "1"] : ["-f", "png_pipe"]
        return ["-protocol_whitelist", "file", "-max_pixels", "\(Self.maximumPicturePixels)"] + form
            + ["-i", ClipFormat.url(copy)]
    }

    // MARK: - Watermark

    private func fit(
        _ own: BrandFolder.File, in job: Job
    ) async throws(BrandKitError) {
        let copy = try copy(own, in: job.workspace)
        let watermark = job.stage.file(Self.watermarkName)
        let (width, height) = Self.watermarkSize
        let graph =
            "scale=w=min(iw\\,\(width)):h=min(ih\\,\(height)):force_original_aspect_ratio=decrease:flags=area,"
            + "format=rgba,split[m][n];[n]alphaextract,format=gray[a]"
        let alpha = OutputBuffer(limitBytes: width * height)
        try await run(
            input(own, copy, size: Self.watermarkSize)
                + ["-filter_complex", "[0:v]" + graph]
                + ["-map", "[m]", "-frames:v", "1", "-c:v", "png", "-f", "image2pipe", ClipFormat.url(watermark)]
                + ["-map", "[a]", "-frames:v", "1", "-f", "rawvideo", "pipe:1"],
            reading: copy, of: own, in: job, onOutput: { alpha.append($0) })
        unlink(copy.path)
        guard let most = alpha.bytes?.max(), most >= Self.leastAlpha else {
            throw .unusable("\(own.file.path): the picture is transparent throughout, nobody would see it")
        }
    }

    // MARK: - Files

    /// The organiser's file where the media tools see it.
    private func copy(_ own: BrandFolder.File, in workspace: Workspace) throws(BrandKitError) -> LocalFile {
        let copy = workspace.file("own-\(own.part.rawValue)")
        do {
            try FileManager.default.copyItem(atPath: own.content.path, toPath: copy.path)
            if own.kind != .clip {
                let head = [UInt8](try Data(contentsOf: URL(filePath: copy.path)).prefix(65_536))
                let isRight =
                    own.kind == .png
                    ? head.starts(with: [0x89, 0x50, 0x4E, 0x47])
                    : String(decoding: head, as: UTF8.self).contains("<svg")
                guard isRight else {
                    throw BrandKitError.unusable("\(own.file.path): the file's content is no \(own.kind) picture")
                }
            }
        } catch let error as BrandKitError {
            throw error
        } catch {
            throw .unavailable("\(own.file.path): \(error)")
        }
        return copy
    }

    private func facts(of workspace: Workspace, at rate: ClipRate) async throws(BrandKitError) -> BrandKit.Facts {
        let intro = try await encoded(.intro, rate, workspace)
        let outro = try await encoded(.outro, rate, workspace)
        guard intro.extradataHash == outro.extradataHash else {
            throw .unavailable("intro and outro were encoded with different parameters")
        }
        let together = rate.duration(frames: intro.frames + outro.frames)
        guard together <= .seconds(BrandKit.maximumBumperSeconds) + rate.duration(frames: 1) else {
            throw .unusable(
                "\(name(.intro)) and \(name(.outro)) last longer than \(BrandKit.maximumBumperSeconds) s together")
        }
        return BrandKit.Facts(
            rate: rate, extradataHash: intro.extradataHash, introFrames: intro.frames, outroFrames: outro.frames)
    }

    private func name(_ part: BrandFolder.Part) -> String {
        brand[part]?.file.path ?? "the built-in \(part.rawValue)"
    }

    private func encoded(
        _ part: BrandFolder.Part, _ rate: ClipRate, _ workspace: Workspace
    ) async throws(BrandKitError) -> EncodedPart {
        let encoded: EncodedPart
        do {
            encoded = try await FFprobeMediaProbe(tools: tools).encodedPart(workspace.file(BrandKit.name(part, rate)))
        } catch {
            throw .unavailable("\(name(part)): \(error)")
        }
        guard rate.duration(frames: encoded.frames) >= .seconds(BrandKit.minimumBumperSeconds) else {
            throw .unusable("\(name(part)) is shorter than \(BrandKit.minimumBumperSeconds) s")
        }
        return encoded
    }

    /// - Parameter own: is to blame when ffmpeg cannot do it.
    private func run(
        _ arguments: [String], reading copy: LocalFile? = nil, of own: BrandFolder.File? = nil, in job: Job,
        onOutput: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) async throws(BrandKitError) {
        let files = VisibleFiles(
            readable: copy.map { [$0.path] } ?? [tools.settings.fontDirectory], writable: job.stage.path)
        let result: MediaCommandResult
        do {
            result = try await tools.encode(arguments, files: files, onOutput: onOutput)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .unavailable("\(error)")
        }
        guard !result.succeeded else { return }
        let words = "ffmpeg: \(result.ending) \(result.errorTail)"
        // A tool that was killed, or answered a signal (255), says nothing about the file.
        guard let own, case .exited(let code) = result.ending, code != 255 else { throw .unavailable(words) }
        throw .unusable("\(own.file.path) cannot be used: \(words)")
    }

    /// FNV-1a, 64 bits: names a folder, keeps no secret.
    private static func fingerprint(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
