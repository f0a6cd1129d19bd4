import Actors
import Glibc
import Logging

/// ffmpeg and ffprobe of this machine, found and checked once at the start.
package struct FFmpegTools: Sendable {
    package let ffmpeg: String
    package let ffprobe: String
    /// The first line of `ffmpeg -version`.
    package let version: String
    package let settings: FFmpegSettings
    package let sandbox: MediaSandbox

    private static let encoders = ["libx264", "mjpeg", "png"]
    private static let demuxers = ["asf", "avi", "concat", "matroska", "mov"]
    private static let filters = [
        "concat", "drawtext", "geq", "gradients", "movie", "overlay", "pad", "rotate", "scale", "tonemap", "yadif",
        "zscale",
    ]

    package static func find(_ settings: FFmpegSettings, logger: Logger) async throws(FFmpegToolsError) -> Self {
        let sandbox = try await MediaSandbox.make(among: settings.sandboxes, logger: logger)
        let tools = Self(
            ffmpeg: try locate("ffmpeg", settings.ffmpegPath),
            ffprobe: try locate("ffprobe", settings.ffprobePath),
            version: "", settings: settings, sandbox: sandbox)
        let version = try await tools.list("-version").prefix(while: { $0 != "\n" })
        try await tools.require(encoders, listedBy: "-encoders", kind: "encoder")
        try await tools.require(demuxers, listedBy: "-demuxers", kind: "demuxer")
        try await tools.require(filters, listedBy: "-filters", kind: "filter")
        logger.info("media tools found", metadata: ["ffmpeg": "\(tools.ffmpeg)", "version": "\(version)"])
        return Self(
            ffmpeg: tools.ffmpeg, ffprobe: tools.ffprobe, version: String(version), settings: settings,
            sandbox: sandbox)
    }

    /// Runs ffmpeg under the limits of an encode; nothing but `files` is there for it.
    package func encode(
        _ arguments: [String], files: VisibleFiles, onOutput: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) async throws(MediaCommandError) -> MediaCommandResult {
        let command = MediaCommand(
            executable: ffmpeg,
            arguments: ["-nostdin", "-hide_banner", "-y", "-v", "error"] + Self.processor + arguments,
            limits: settings.encodeLimits, files: files, deadline: settings.encodeDeadline)
        return try await command.run(in: sandbox, onOutput: onOutput)
    }

    /// ffmpeg's scaler gathers its pixels one by one with AVX2 wherever it does not know the processor to be slow at that.
    /// All are, next to its other way, whose result is the same to the byte: a twentieth of a whole transcode.
    private static var processor: [String] {
        #if arch(x86_64)
            ["-cpuflags", "+slowgather"]
        #else
            []
        #endif
    }

    /// Options that open a clip whose content is not trusted: its first seconds only, and nothing but that file.
    func hostileInput(_ source: LocalFile, seconds: Int) -> [String] {
        ClipFormat.hostileInput
            + [
                "-codec_whitelist", ClipFormat.decoders, "-max_pixels", "\(settings.maximumPixels)",
                "-threads", "\(settings.threads)", "-t", "\(seconds)", "-i", ClipFormat.url(source),
            ]
    }

    private static func locate(_ name: String, _ configured: String?) throws(FFmpegToolsError) -> String {
        if let configured {
            guard access(configured, X_OK) == 0 else { throw .unusable("\(configured) is no program") }
            return configured
        }
        guard let found = ExecutableSearch.find(name) else { throw .missing(what: name, aptPackage: "ffmpeg") }
        return found
    }

    private func require(
        _ names: [String], listedBy option: String, kind: String
    ) async throws(FFmpegToolsError) {
        // Lines look like " V....D libx264   libx264 H.264 …"; a demuxer's second word may be "mov,mp4,m4a".
        let listed = Set(
            try await list(option).split(separator: "\n").flatMap { line -> [Substring] in
                let words = line.split(separator: " ", maxSplits: 2)
                return words.count < 2 ? [] : words[1].split(separator: ",")
            })
        let absent = names.filter { !listed.contains(Substring($0)) }
        guard absent.isEmpty else {
            throw .missing(what: "\(kind) \(absent.joined(separator: ", "))", aptPackage: "ffmpeg")
        }
    }

    private func list(_ option: String) async throws(FFmpegToolsError) -> String {
        let command = MediaCommand(
            executable: ffmpeg, arguments: ["-nostdin", "-hide_banner", option],
            limits: settings.probeLimits, deadline: settings.probeDeadline)
        do {
            let (result, output) = try await command.collect(in: sandbox, limitBytes: 1_000_000)
            if result.succeeded { return String(decoding: output, as: UTF8.self) }
            throw FFmpegToolsError.unusable("ffmpeg \(option): \(result.ending) \(result.errorTail)")
        } catch let error as MediaCommandError {
            throw .unusable("ffmpeg \(option): \(error)")
        } catch let error as FFmpegToolsError {
            throw error
        } catch {
            throw .unusable("\(error)")
        }
    }
}

package enum FFmpegToolsError: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(what: String, aptPackage: String)
    case unusable(String)

    package var description: String {
        switch self {
        case .missing(let what, let aptPackage): "\(what) is missing: apt-get install \(aptPackage)"
        case .unusable(let detail): "the media tools cannot be used: \(detail)"
        }
    }
}
