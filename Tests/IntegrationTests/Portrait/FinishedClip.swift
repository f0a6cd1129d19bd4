import Testing

/// A published clip, measured with ffprobe and ffmpeg.
struct FinishedClip: Sendable {
    let streams: [JSON]
    /// From the upload's begin to `processed`.
    let processingTime: Duration
    let seconds: Double
    /// The types of the file's outermost boxes (ISO/IEC 14496-12, 4.2), in their order.
    let boxes: [String]
    /// The picture in the middle of the clip, 32 × 18 grey values.
    private let picture: [UInt8]

    static let columns = 32
    static let lines = 18

    /// Uploads, waits and downloads.
    static func make(from clip: [UInt8]) async throws -> FinishedClip {
        let api = try Stage.current.api
        let player = try await api.signUp()
        let start = ContinuousClock.now
        let id = try await api.upload(clip, by: player)
        let video = try await api.finished(id, of: player)
        let time = ContinuousClock.now - start
        try #require(video["status"] == "processed", "\(video)")
        let answer = try await api.get(try #require(video["processed_url"]?.text))
        return try await measure(answer.body, processingTime: time)
    }

    private static func measure(_ film: [UInt8], processingTime: Duration) async throws -> FinishedClip {
        let folder = try Files.makeTemporaryFolder()
        defer { Files.remove(folder) }
        let path = "\(folder)/film.mp4"
        try Files.write(film, to: path)
        let report = try JSON.parse(
            try await RunningProgram.run(
                "ffprobe", ["-v", "error", "-print_format", "json", "-show_streams", "-show_format", path], in: folder))
        let seconds = try #require(Double(report["format"]?["duration"]?.text ?? ""))
        let picture = try await RunningProgram.run(
            "ffmpeg",
            [
                "-nostdin", "-v", "error", "-ss", "\(seconds / 2)", "-i", path, "-frames:v", "1",
                "-vf", "scale=\(columns):\(lines):flags=area,format=gray", "-f", "rawvideo", "pipe:1",
            ], in: folder)
        try #require(picture.count == columns * lines)
        return FinishedClip(
            streams: try #require(report["streams"]?.items), processingTime: processingTime, seconds: seconds,
            boxes: boxes(of: film), picture: picture)
    }

    func brightness(column: Int, line: Int) -> UInt8 { picture[line * Self.columns + column] }

    private static func boxes(of film: [UInt8]) -> [String] {
        var types: [String] = []
        var position = 0
        while position + 8 <= film.count {
            var size = film[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            if size == 1, position + 16 <= film.count {
                size = film[position + 8..<position + 16].reduce(0) { $0 << 8 | Int($1) }
            }
            types.append(String(decoding: film[position + 4..<position + 8], as: UTF8.self))
            guard size >= 8 else { break }
            position += size
        }
        return types
    }

    /// What the owner fixed for every published clip.
    func expectHouseFormat(at location: SourceLocation = #_sourceLocation) {
        #expect(streams.count == 1, "no sound, nothing else: \(streams)", sourceLocation: location)
        let picture = streams[0]
        #expect(picture["codec_type"] == "video", sourceLocation: location)
        #expect(picture["codec_name"] == "h264", sourceLocation: location)
        #expect(picture["pix_fmt"] == "yuv420p", sourceLocation: location)
        #expect(picture["width"] == 1280, sourceLocation: location)
        #expect(picture["height"] == 720, sourceLocation: location)
        #expect(["1:1", "0:1", nil].contains(picture["sample_aspect_ratio"]?.text), sourceLocation: location)
        #expect(picture["side_data_list"]?.items?.isEmpty ?? true, "no rotation is left", sourceLocation: location)
        let moov = boxes.firstIndex(of: "moov") ?? Int.max
        let mdat = boxes.firstIndex(of: "mdat") ?? -1
        #expect(moov < mdat, "\(boxes)", sourceLocation: location)
        // The clip's two seconds, with intro and outro of at most five together.
        #expect(seconds > 2.5 && seconds < 7.5, "\(seconds)", sourceLocation: location)
    }
}
