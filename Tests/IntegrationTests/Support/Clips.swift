import Glibc

/// Small clips, made by ffmpeg once a run.
struct Clips: Sendable {
    /// 320×240, 2 s, with sound.
    let small: [UInt8]
    /// The same as WebM.
    let webm: [UInt8]
    /// Held upright: 640×360 to be turned 90° counter-clockwise; its left half, shown below, is white, the rest black.
    let portrait: [UInt8]
    /// 640×480, white.
    let fourByThree: [UInt8]
    /// 1920×1080 at 60 frames a second, 2 s, with sound.
    let fullHD60: [UInt8]
    /// `fullHD60` three times over: takes some seconds to process.
    let long: [UInt8]
    /// One picture, no film.
    let picture: [UInt8]
    /// Sound, no film.
    let sound: [UInt8]

    static func shared() async throws -> Clips { try await making.value }

    private static let making = Task { try await make() }

    private static func make() async throws -> Clips {
        let folder = try Files.makeTemporaryFolder()
        defer { Files.remove(folder) }
        func clip(_ name: String, _ arguments: [String]) async throws -> [UInt8] {
            let common = ["-nostdin", "-v", "error", "-y"]
            try await RunningProgram.run("ffmpeg", common + arguments + ["\(folder)/\(name)"], in: folder)
            return try bytes("\(folder)/\(name)")
        }
        func source(_ text: String) -> [String] { ["-f", "lavfi", "-i", text] }
        let x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        let sine = source("sine=frequency=440:duration=2")
        let small = try await clip(
            "small.mp4", source("testsrc2=size=320x240:rate=25:duration=2") + sine + x264 + ["-c:a", "aac"])
        let lying = try await clip(
            "lying.mp4",
            source("color=black:size=640x360:rate=25:duration=2")
                + ["-vf", "drawbox=x=0:y=0:w=320:h=360:color=white:t=fill"] + x264)
        try Files.write(lying, to: "\(folder)/lying.mp4")
        let fullHD60 = try await clip(
            "hd.mp4", source("testsrc=size=1920x1080:rate=60:duration=2") + sine + x264 + ["-c:a", "aac"])
        return Clips(
            small: small,
            webm: try await clip(
                "small.webm",
                ["-i", "\(folder)/small.mp4", "-an", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"]),
            portrait: try await clip(
                "portrait.mp4",
                ["-i", "\(folder)/lying.mp4", "-c", "copy", "-metadata:s:v:0", "rotate=90"]),
            fourByThree: try await clip(
                "four.mp4", source("color=white:size=640x480:rate=25:duration=2") + x264),
            fullHD60: fullHD60,
            long: try await clip("long.mp4", ["-stream_loop", "2", "-i", "\(folder)/hd.mp4", "-c", "copy"]),
            picture: try await clip("picture.png", source("testsrc=size=64x64:duration=1") + ["-frames:v", "1"]),
            sound: try await clip("sound.m4a", sine + ["-c:a", "aac"]))
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        guard let bytes = Files.bytes(path) else { throw RunningProgram.Failed(description: "\(path) was not made") }
        return bytes
    }
}
