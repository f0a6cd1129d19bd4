import Actors
import FoundationEssentials
import Glibc
import Logging
import Transport

/// Real media tools, one brand kit for all tests, and a folder for each.
struct MediaLab: Sendable {
    let tools: FFmpegTools
    let kit: BrandKit
    /// For what tests make and measure, which is anywhere.
    let plain: MediaSandbox

    private static let root = "/tmp/anb-media-tests-\(getpid())"

    private static let shared = Task {
        // The process ends without a word to its tests: the folder is removed at exit.
        atexit { try? FileManager.default.removeItem(atPath: MediaLab.root) }
        let tools = try await FFmpegTools.find(FFmpegSettings(), logger: MediaLab.logger)
        return MediaLab(
            tools: tools, kit: try await BrandKit.prepare(in: "\(MediaLab.root)/brand", tools: tools),
            plain: try await MediaSandbox.make(among: [.none], logger: MediaLab.logger))
    }

    /// Where the shared kit lies.
    var kitFolder: String { String(kit.watermark.path.dropLast("/watermark.png".count)) }

    static let logger = Logger(label: "media tests") { _ in SwiftLogNoOpLogHandler() }

    static func get() async throws -> MediaLab { try await shared.value }

    static func folder() throws -> Workspace {
        let path = "\(root)/\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return Workspace(path: path)
    }

    /// A transcoder under changed settings.
    func transcoder(_ kit: BrandKit? = nil, change: (inout FFmpegSettings) -> Void = { _ in }) async throws
        -> FFmpegTranscoder
    {
        var settings = FFmpegSettings()
        change(&settings)
        let tools = try await FFmpegTools.find(settings, logger: Self.logger)
        return FFmpegTranscoder(
            tools: tools, kit: kit ?? self.kit, memory: MemoryBudget(capacity: .max), logger: Self.logger)
    }

    /// Runs ffmpeg and fails the test where it fails.
    func ffmpeg(_ arguments: [String]) async throws {
        let command = MediaCommand(
            executable: tools.ffmpeg, arguments: ["-nostdin", "-y", "-v", "error"] + arguments,
            limits: tools.settings.encodeLimits, deadline: tools.settings.encodeDeadline)
        let result = try await command.run(in: plain)
        guard result.succeeded else { throw MediaLabError(detail: result.errorTail) }
    }

    /// A clip from one of ffmpeg's own sources.
    func clip(_ name: String, in folder: Workspace, source: String, options: [String] = []) async throws -> LocalFile {
        let file = folder.file(name)
        try await ffmpeg(
            ["-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
                + options + ["file:\(file.path)"])
        return file
    }

    /// About half a minute of 1080p that takes seconds to process.
    func longClip(in folder: Workspace) async throws -> LocalFile {
        let short = try await clip("short.mp4", in: folder, source: "testsrc2=s=1920x1080:r=30:d=1")
        let long = folder.file("long.mp4")
        try await ffmpeg(["-stream_loop", "29", "-i", short.path, "-c", "copy", long.path])
        return long
    }

    func ffprobe(_ arguments: [String], _ file: LocalFile) async throws -> String {
        let command = MediaCommand(
            executable: tools.ffprobe, arguments: ["-v", "error"] + arguments + ["file:\(file.path)"],
            limits: tools.settings.probeLimits, deadline: .seconds(20))
        let (_, output) = try await command.collect(in: plain, limitBytes: 1_000_000)
        return String(decoding: output, as: UTF8.self)
    }

    /// Grey values of a part of one frame.
    func pixels(of file: LocalFile, atSecond second: Double, crop: String) async throws -> [UInt8] {
        let command = MediaCommand(
            executable: tools.ffmpeg,
            arguments: [
                "-v", "error",
            ] + (second > 0 ? ["-ss", "\(second)"] : []) + [
                "-i", "file:\(file.path)", "-frames:v", "1",
                "-vf", "crop=\(crop),format=gray", "-f", "rawvideo", "-",
            ],
            limits: tools.settings.encodeLimits, deadline: .seconds(20))
        return try await command.collect(in: plain, limitBytes: 2_000_000).output
    }
}

struct MediaLabError: Error {
    let detail: String
}

/// Ids of living processes whose words name `marker`.
func processes(naming marker: String) -> [String] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.filter { entry in
        guard Int(entry) != nil, let words = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline") else {
            return false
        }
        return String(decoding: words, as: UTF8.self).contains(marker)
    }
}

/// The names of a file's outermost boxes, in order (ISO/IEC 14496-12, section 4.2).
func boxes(of file: LocalFile) -> [String] {
    let bytes = [UInt8](FileManager.default.contents(atPath: file.path) ?? Data())
    var names: [String] = []
    var position = 0
    while position + 8 <= bytes.count {
        let size = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
        names.append(String(decoding: bytes[position + 4..<position + 8], as: UTF8.self))
        guard size >= 8 else { break }
        position += size
    }
    return names
}
