import FoundationEssentials
import Subprocess
import SystemPackage

/// Clips of several shapes, drawn by ffmpeg.
struct DemoClips: Sendable {
    let landscape: String
    let portrait: String
    let classic: String
    /// Its header promises six seconds, its body ends sooner.
    let corrupt: String

    static func make(in folder: String, ffmpeg: String) async throws -> DemoClips {
        let clips = DemoClips(
            landscape: "\(folder)/landscape-1080p60.mp4", portrait: "\(folder)/portrait-rotated.mp4",
            classic: "\(folder)/classic-4x3.mp4", corrupt: "\(folder)/corrupt.mp4")
        try await encode(ffmpeg, "testsrc2=s=1920x1080:r=60:d=3", [], clips.landscape)
        let upright = "\(folder)/upright.mp4"
        try await encode(ffmpeg, "testsrc2=s=1280x720:r=30:d=3", [], upright)
        // As phones do it: the picture lies on its side, and the container says how to turn it.
        try await run(ffmpeg, ["-i", upright, "-c", "copy", "-metadata:s:v:0", "rotate=90", clips.portrait])
        try await encode(ffmpeg, "smptebars=s=640x480:r=25:d=3", [], clips.classic)
        let whole = "\(folder)/whole.mp4"
        try await encode(ffmpeg, "mandelbrot=s=640x360:r=30", ["-t", "6"], whole)
        let bytes = try Data(contentsOf: URL(filePath: whole))
        try bytes.prefix(bytes.count * 2 / 5).write(to: URL(filePath: clips.corrupt))
        return clips
    }

    /// Two seconds of 640 × 360, some hundred kilobytes, as a container that needs no file.
    static func small() async throws -> [UInt8] {
        let result = try await Subprocess.run(
            .name("ffmpeg"),
            arguments: [
                "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=2", "-c:v", "libx264",
                "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov",
                "pipe:1",
            ],
            input: .none, output: .bytes(limit: 16 << 20), error: .string(limit: 65536))
        guard result.terminationStatus.isSuccess else {
            throw DemoFailure("ffmpeg could not draw a clip: \(result.standardError)")
        }
        return result.standardOutput
    }

    private static func encode(_ ffmpeg: String, _ source: String, _ options: [String], _ output: String) async throws {
        try await run(
            ffmpeg,
            ["-f", "lavfi", "-i", source] + options + [
                "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart", output,
            ])
    }

    private static func run(_ ffmpeg: String, _ arguments: [String]) async throws {
        let result = try await Subprocess.run(
            .path(FilePath(ffmpeg)), arguments: Arguments(["-nostdin", "-v", "error", "-y"] + arguments),
            input: .none, output: .discarded, error: .string(limit: 65536))
        guard result.terminationStatus.isSuccess else {
            throw DemoFailure("ffmpeg could not draw a clip: \(result.standardError)")
        }
    }
}
