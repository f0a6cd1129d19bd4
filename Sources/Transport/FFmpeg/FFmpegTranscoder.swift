import Actors
import FoundationEssentials
import Glibc
import Logging

/// Makes a clip with one encode: intro and outro wait, encoded with equal parameters, and are joined by copying.
///
/// A value without state; any number of clips may be made at once. What a failed run leaves lies in the workspace.
package struct FFmpegTranscoder: Transcoder {
    private let tools: FFmpegTools
    private let kit: BrandKit
    private let memory: MemoryBudget
    private let probe: FFprobeMediaProbe
    private let logger: Logger
    /// Of all pictures that the poster is chosen from: one a second, some 30 kB each.
    private static let maximumPosterBytes = 16_000_000

    /// - Parameter memory: shared by all transcodes of the node.
    package init(tools: FFmpegTools, kit: BrandKit, memory: MemoryBudget, logger: Logger) {
        self.tools = tools
        self.kit = kit
        self.memory = memory
        self.logger = logger
        probe = FFprobeMediaProbe(tools: tools)
    }

    package func transcode(
        _ source: LocalFile, in workspace: Workspace, progress: @escaping @Sendable (Int) -> Void
    ) async throws(TranscodeError) -> TranscodedClip {
        let ladder = ProgressLadder(report: progress)
        let media = try await inspect(source)
        let (pixels, overflow) = media.width.multipliedReportingOverflow(by: media.height)
        let maximum = tools.settings.maximumPixels
        guard !overflow, pixels <= maximum else {
            throw .unusable(.tooManyPixels(width: media.width, height: media.height, maximum: maximum))
        }
        let needed = TranscodeMemory.bytes(of: media, threads: tools.settings.threads)
        return try await memory.reserving(needed) { () async throws(TranscodeError) in
            ladder.reach(0)
            return try await make(source, media, in: workspace, ladder)
        }
    }

    private func make(
        _ source: LocalFile, _ media: FFprobeMediaProbe.Source, in workspace: Workspace, _ ladder: ProgressLadder
    ) async throws(TranscodeError) -> TranscodedClip {
        let stage = try Stage(in: workspace)
        let bumpers = kit.bumpers(at: media.rate)
        let files = VisibleFiles(
            readable: [source.path, bumpers.intro.path, bumpers.outro.path, kit.watermark.path], writable: stage.path)
        let poster = workspace.file("poster.jpg")
        try await encode(source, media, into: stage, files, ladder: ladder)
        let main = try stage.take("main.mp4")
        let candidates = try stage.take("posters.mjpeg")
        let part = try await encodedPart(main, of: source, media, files)
        let video = try await join(main, part, bumpers, in: stage, files, workspace: workspace)
        ladder.reach(98)
        try choosePoster(from: candidates, into: poster)
        let clip = try await accept(video, poster: poster, part: part, bumpers)
        unlink(main.path)
        ladder.reach(100)
        return clip
    }

    // MARK: - Steps

    private func inspect(_ source: LocalFile) async throws(TranscodeError) -> FFprobeMediaProbe.Source {
        do throws(MediaProbeError) {
            return try await probe.inspect(source)
        } catch {
            guard !Task.isCancelled else { throw .cancelled }
            if case .unavailable(let detail) = error { throw .failed(detail: detail) }
            throw .unusable(error.reason ?? .corrupt)
        }
    }

    /// The only expensive step: decoding the original and encoding what is published of it.
    private func encode(
        _ source: LocalFile, _ media: FFprobeMediaProbe.Source, into stage: Stage,
        _ files: VisibleFiles, ladder: ProgressLadder
    ) async throws(TranscodeError) {
        let threads = tools.settings.threads
        let arguments =
            ["-progress", "pipe:1", "-stats_period", "0.5", "-filter_complex_threads", "\(threads)"]
            + tools.hostileInput(source, seconds: ClipFormat.maximumSeconds)
            + ["-filter_complex", ClipGraph.main(of: media, watermark: kit.watermark), "-map", "[v]"]
            + ClipFormat.encoder(media.rate, rateFactor: tools.settings.rateFactor, threads: threads) + [
                ClipFormat.url(stage.file("main.mp4"))
            ]
            + ["-map", "[p]"] + ClipGraph.posterOutput(stage.file("posters.mjpeg"))
        ladder.expect(media.pictureDuration ?? .zero, upTo: 96)
        let result = try await run { () async throws(MediaCommandError) in
            try await tools.encode(arguments, files: files) { ladder.read($0) }
        }
        guard !result.succeeded else { return }
        logger.info("an encode failed", metadata: ["ending": "\(result.ending)", "stderr": "\(result.errorTail)"])
        try await blame(result, source, media, files)
    }

    /// Says whose fault a failed run is. Words on stderr are no proof, so the clip is decoded once more, alone: only
    /// when that gives no picture either, the clip is to blame.
    private func blame(
        _ result: MediaCommandResult, _ source: LocalFile, _ media: FFprobeMediaProbe.Source, _ files: VisibleFiles
    ) async throws(TranscodeError) {
        let attempt = TranscodeError.failed(detail: "ffmpeg: \(result.ending) \(result.errorTail)")
        // 255 is ffmpeg's answer to a signal.
        guard case .exited(let code) = result.ending, code != 255 else { throw attempt }
        guard try await !showsAPicture(source, media, files) else { throw attempt }
        throw .unusable(.corrupt)
    }

    private func showsAPicture(
        _ source: LocalFile, _ media: FFprobeMediaProbe.Source, _ files: VisibleFiles
    ) async throws(TranscodeError) -> Bool {
        let frames = FrameCount()
        let arguments =
            ["-progress", "pipe:1"] + tools.hostileInput(source, seconds: ClipFormat.maximumSeconds)
            + ["-map", "0:\(media.stream)", "-frames:v", "1", "-f", "null", "-"]
        let result = try await run { () async throws(MediaCommandError) in
            try await tools.encode(arguments, files: files) { frames.read($0) }
        }
        return result.succeeded && frames.isPositive
    }

    private func encodedPart(
        _ main: LocalFile, of source: LocalFile, _ media: FFprobeMediaProbe.Source, _ files: VisibleFiles
    ) async throws(TranscodeError) -> EncodedPart {
        let part: EncodedPart
        do throws(MediaProbeError) {
            part = try await probe.encodedPart(main)
        } catch {
            guard !Task.isCancelled else { throw .cancelled }
            // An encode without a single frame ends with 0 and an empty file.
            if case .unavailable(let detail) = error { throw .failed(detail: detail) }
            guard try await !showsAPicture(source, media, files) else {
                throw .failed(detail: "the encode is unreadable")
            }
            throw .unusable(.corrupt)
        }
        guard part.frames > 0 else { throw .unusable(.corrupt) }
        let expected = ClipLength.expected(of: media.pictureDuration)
        guard !ClipLength.isCutShort(frames: part.frames, at: media.rate, expected: expected) else {
            throw .unusable(.cutShort)
        }
        return part
    }

    private func join(
        _ main: LocalFile, _ part: EncodedPart, _ bumpers: BrandKit.Bumpers, in stage: Stage, _ files: VisibleFiles,
        workspace: Workspace
    ) async throws(TranscodeError) -> LocalFile {
        var files = files
        files.readable.append(main.path)
        let parts = [bumpers.intro, main, bumpers.outro]
        let facts = bumpers.facts
        let arguments: [String]
        if part.extradataHash == facts.extradataHash {
            let list = workspace.file("parts.ffconcat")
            // A container's own length is rounded to a millisecond: the next part would begin beside its frame.
            let frames = [facts.introFrames, part.frames, facts.outroFrames]
            let script =
                "ffconcat version 1.0\n"
                + zip(parts, frames).map { file, frames in
                    "file \(FilterText.quote(ClipFormat.url(file)))\n"
                        + "duration \(facts.rate.microseconds(frames: frames))us\n"
                }.joined()
            do {
                try script.write(toFile: list.path, atomically: false, encoding: .utf8)
            } catch {
                throw .failed(detail: "\(list.path): \(error)")
            }
            files.readable.append(list.path)
            arguments =
                ["-protocol_whitelist", "file", "-f", "concat", "-safe", "0", "-i", ClipFormat.url(list)]
                + ["-map", "0:v:0", "-c", "copy", "-video_track_timescale", "\(ClipFormat.timescale)", "-f", "mp4"]
        } else {
            logger.warning("a clip is joined by a second encode: its parameters differ from the bumpers'")
            arguments =
                parts.flatMap { ["-protocol_whitelist", "file", "-i", ClipFormat.url($0)] }
                + ["-filter_complex", ClipGraph.join(at: facts.rate), "-map", "[v]"]
                // A little finer than the first encode, whose losses add up.
                + ClipFormat.encoder(
                    facts.rate, rateFactor: max(0, tools.settings.rateFactor - 4), threads: tools.settings.threads)
        }
        let output = ["-movflags", "+faststart", ClipFormat.url(stage.file("clip.mp4"))]
        let result = try await run { [files] () async throws(MediaCommandError) in
            try await tools.encode(arguments + output, files: files)
        }
        guard result.succeeded else { throw .failed(detail: "join: \(result.ending) \(result.errorTail)") }
        return try stage.take("clip.mp4")
    }

    /// Counts the frames of the joined file: a file that can be read may still end early.
    private func accept(
        _ video: LocalFile, poster: LocalFile, part: EncodedPart, _ bumpers: BrandKit.Bumpers
    ) async throws(TranscodeError) -> TranscodedClip {
        let frames: Int
        do throws(MediaProbeError) {
            frames = try await probe.encodedPart(video).frames
        } catch {
            guard !Task.isCancelled else { throw .cancelled }
            throw .failed(detail: "the joined clip: \(error)")
        }
        let wanted = bumpers.facts.introFrames + part.frames + bumpers.facts.outroFrames
        guard abs(frames - wanted) <= 1 else {
            throw .failed(detail: "the joined clip has \(frames) frames, not \(wanted)")
        }
        guard let videoBytes = sizeBytes(video) else { throw .failed(detail: "the clip is empty") }
        return TranscodedClip(
            video: video, poster: poster, duration: bumpers.facts.rate.duration(frames: frames), sizeBytes: videoBytes)
    }

    private func choosePoster(from candidates: LocalFile, into poster: LocalFile) throws(TranscodeError) {
        guard let bytes = sizeBytes(candidates), bytes <= Self.maximumPosterBytes else {
            throw .failed(detail: "the pictures for the poster are too large, or none")
        }
        do {
            guard let best = PosterChoice.best(of: [UInt8](try Data(contentsOf: URL(filePath: candidates.path)))) else {
                throw TranscodeError.failed(detail: "there is no picture for the poster")
            }
            try Data(best).write(to: URL(filePath: poster.path))
        } catch let error as TranscodeError {
            throw error
        } catch {
            throw .failed(detail: "poster: \(error)")
        }
        unlink(candidates.path)
    }

    // MARK: - Errors and files

    private func run(
        _ command: () async throws(MediaCommandError) -> MediaCommandResult
    ) async throws(TranscodeError) -> MediaCommandResult {
        do throws(MediaCommandError) {
            return try await command()
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .deadline: throw .failed(detail: "ffmpeg passed its deadline of \(tools.settings.encodeDeadline)")
            case .outputTooLong: throw .failed(detail: "ffmpeg wrote too much")
            case .unavailable(let detail): throw .failed(detail: "ffmpeg: \(detail)")
            }
        }
    }

    /// Nil for no file or an empty one.
    private func sizeBytes(_ file: LocalFile) -> Int64? {
        var status = stat()
        guard stat(file.path, &status) == 0, status.st_size > 0 else { return nil }
        return Int64(status.st_size)
    }
}
