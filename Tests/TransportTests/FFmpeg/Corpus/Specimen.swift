import Actors
import FoundationEssentials
import Testing
import Transport

/// A clip as some phone, camera, editor or vandal makes it, and what is to become of it.
struct Specimen: Sendable, CustomTestStringConvertible {
    let name: String
    /// As it is shown.
    let width: Int
    let height: Int
    let seconds: Double
    let turned: TestCard.Turn
    /// Of the published clip.
    let rate: ClipRate
    /// ΔE that its way to the clip may cost.
    let tolerance: Double
    let make: @Sendable (MediaLab, LocalFile) async throws -> Void

    var testDescription: String { name }

    init(
        _ name: String, _ width: Int = 640, _ height: Int = 360, seconds: Double = 1.5, turned: TestCard.Turn = .none,
        rate: ClipRate = .standard, tolerance: Double = 4,
        make: @escaping @Sendable (MediaLab, LocalFile) async throws -> Void
    ) {
        self.name = name
        self.width = width
        self.height = height
        self.seconds = seconds
        self.turned = turned
        self.rate = rate
        self.tolerance = tolerance
        self.make = make
    }

    /// The card by one run of ffmpeg.
    init(
        _ name: String, card: String = TestCard.source(640, 360), before: [String] = [], _ options: [String],
        width: Int = 640, height: Int = 360, seconds: Double = 1.5, rate: ClipRate = .standard, tolerance: Double = 4
    ) {
        self.init(name, width, height, seconds: seconds, rate: rate, tolerance: tolerance) { lab, file in
            try await lab.ffmpeg(before + ["-f", "lavfi", "-i", card] + options + [file.path])
        }
    }

    private static let h264 = ["-c:v", "libx264", "-preset", "ultrafast"]
    private static let tone = ["-f", "lavfi", "-i", "sine=d=1.5"]

    /// A phone's note that the picture is to be turned. What this ffmpeg is told as 90 degrees it notes as 90 to the left.
    private static func turned(_ degrees: Int, _ turn: TestCard.Turn) -> Specimen {
        let isUpright = degrees % 180 != 0
        return Specimen(
            "rotation \(degrees).mp4", isUpright ? 360 : 640, isUpright ? 640 : 360, turned: turn
        ) { lab, file in
            let flat = LocalFile(file.path + ".flat.mp4")
            try await lab.ffmpeg(
                ["-f", "lavfi", "-i", TestCard.source(640, 360)] + TestCard.camera + h264 + [flat.path])
            try await lab.ffmpeg([
                "-i", flat.path, "-c", "copy", "-metadata:s:v:0", "rotate=\(degrees)", file.path,
            ])
        }
    }

    /// HDR as a phone or a camera films it: the card's white at 203 cd/m².
    private static func highDynamicRange(_ name: String, _ transfer: String) -> Specimen {
        let graph =
            "zscale=tin=709:min=gbr:pin=709:rin=full:t=linear:p=709:m=gbr:npl=203,format=gbrpf32le,"
            + "zscale=tin=linear:pin=709:min=gbr:p=2020:t=\(transfer):m=2020_ncl:r=limited:npl=203,format=yuv420p10le"
        return Specimen(
            name,
            [
                "-vf", graph, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1",
                "-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-tag:v", "hvc1",
            ], tolerance: 8)
    }

    /// What every run of the tests goes through.
    static let usual: [Specimen] = [
        turned(270, .quarter), turned(180, .half), turned(90, .threeQuarters),
        Specimen(
            "odd size.mkv", card: TestCard.source(321, 243), h264 + ["-pix_fmt", "yuv444p"], width: 321, height: 243),
        Specimen(
            "oblong pixels.mp4", card: TestCard.source(352, 288) + ",setsar=16/11", h264 + ["-pix_fmt", "yuv420p"],
            width: 512, height: 288),
        Specimen(
            "variable frame rate.mp4", card: TestCard.source(640, 360) + ",select=lt(n\\,15)+not(mod(n\\,7))",
            TestCard.camera + ["-fps_mode", "vfr"] + h264, seconds: 1.43),
        highDynamicRange("HDR10.mp4", "smpte2084"), highDynamicRange("HLG.mov", "arib-std-b67"),
        Specimen(
            "full range.mp4",
            [
                "-vf", "scale=out_color_matrix=bt709:out_range=pc,format=yuvj420p", "-colorspace", "bt709",
                "-color_range", "pc",
            ] + h264),
        Specimen(
            "interlaced.mov", card: TestCard.source(720, 576, rate: "50"),
            [
                "-vf", "scale=out_color_matrix=bt470bg:out_range=tv,format=yuv420p,interlace", "-colorspace", "bt470bg",
                "-flags", "+ilme+ildct",
            ] + h264 + ["-x264-params", "tff=1"], width: 720, height: 576, rate: .european),
        Specimen("edit list.mp4") { lab, file in
            let whole = LocalFile(file.path + ".whole.mp4")
            try await lab.ffmpeg(
                ["-f", "lavfi", "-i", TestCard.source(640, 360, seconds: 2.5)] + TestCard.camera + h264
                    + ["-g", "75", whole.path])
            try await lab.ffmpeg(["-ss", "1", "-i", whole.path, "-c", "copy", file.path])
        },
        Specimen("size changes.mkv") { lab, file in
            var stream: [UInt8] = []
            for (width, height) in [(640, 360), (320, 180)] {
                let part = LocalFile(file.path + ".\(width).h264")
                try await lab.ffmpeg(
                    ["-f", "lavfi", "-i", TestCard.source(width, height, seconds: 0.75)] + TestCard.camera + h264
                        + ["-bf", "0", "-f", "h264", part.path])
                stream += try Data(contentsOf: URL(filePath: part.path))
            }
            let joined = LocalFile(file.path + ".h264")
            try Data(stream).write(to: URL(filePath: joined.path))
            try await lab.ffmpeg(["-r", "30", "-i", joined.path, "-c", "copy", file.path])
        },
        Specimen("cover picture.mp4") { lab, file in
            let cover = LocalFile(file.path + ".png")
            try await lab.ffmpeg(["-f", "lavfi", "-i", "color=blue:s=64x64", "-frames:v", "1", cover.path])
            try await lab.ffmpeg(
                [
                    "-i", cover.path, "-f", "lavfi", "-i", TestCard.source(640, 360), "-map", "0", "-map", "1",
                    "-c:v:0", "png",
                ]
                    + ["-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p", "-disposition:v:0", "attached_pic", file.path])
        },
        Specimen(
            "no length.webm", card: TestCard.source(320, 180),
            TestCard.camera + ["-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M", "-live", "1"],
            width: 320, height: 180, tolerance: 8),
    ]

    /// The rest of the codecs and containers, and sizes that take time.
    static let rare: [Specimen] = [
        Specimen("portrait.mov", card: TestCard.source(360, 640), TestCard.camera + h264, width: 360, height: 640),
        Specimen(
            "four to three.mp4", card: TestCard.source(320, 240), h264 + ["-pix_fmt", "yuv420p"], width: 320,
            height: 240),
        Specimen(
            "240 fps.mp4", card: TestCard.source(320, 180, rate: "240", seconds: 1), TestCard.camera + h264,
            width: 320, height: 180, seconds: 1),
        Specimen(
            "film.mov", card: TestCard.source(640, 360, rate: "24000/1001"), TestCard.camera + h264, rate: .film),
        Specimen("50 fps.mp4", card: TestCard.source(640, 360, rate: "50"), TestCard.camera + h264, rate: .european),
        Specimen("huge timestamps.mkv", TestCard.camera + h264 + ["-output_ts_offset", "100000"]),
        Specimen("two pictures.mp4") { lab, file in
            try await lab.ffmpeg(
                ["-f", "lavfi", "-i", TestCard.source(640, 360), "-f", "lavfi", "-i", "color=red:s=320x180:r=30:d=1.5"]
                    + ["-map", "0", "-map", "1"] + TestCard.camera + h264 + [file.path])
        },
        Specimen("fragmented.mp4", TestCard.camera + h264 + ["-movflags", "frag_keyframe+empty_moov", "-g", "15"]),
        Specimen(
            "late picture.mp4", before: tone + ["-itsoffset", "0.7"],
            ["-map", "0", "-map", "1"] + TestCard.camera + h264 + ["-c:a", "aac"], seconds: 2.2),
        Specimen("mpeg4.avi", ["-c:v", "mpeg4", "-q:v", "3", "-pix_fmt", "yuv420p"], tolerance: 6),
        Specimen("wmv2.wmv", ["-c:v", "wmv2", "-q:v", "3", "-pix_fmt", "yuv420p"], tolerance: 6),
        Specimen("mjpeg.avi", ["-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"], tolerance: 6),
        Specimen(
            "prores.mov", card: TestCard.source(1280, 720),
            [
                "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv422p10le", "-c:v", "prores_ks",
                "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
            ], width: 1280, height: 720),
        Specimen(
            "vp9.webm", card: TestCard.source(320, 180),
            TestCard.camera + ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"],
            width: 320, height: 180, tolerance: 6),
        Specimen(
            "av1.mkv", card: TestCard.source(320, 180),
            TestCard.camera + ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-b:v", "1M"],
            width: 320, height: 180, tolerance: 6),
        Specimen(
            "dv.avi", card: TestCard.source(720, 576, rate: "25"), ["-c:v", "dvvideo", "-pix_fmt", "yuv420p"],
            width: 720, height: 576, rate: .european, tolerance: 6),
        Specimen("mpeg2.mkv", ["-c:v", "mpeg2video", "-q:v", "3", "-pix_fmt", "yuv420p"], tolerance: 6),
        Specimen(
            "negative timestamps.mkv",
            // What is before the beginning no player shows.
            TestCard.camera + h264 + ["-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled"], seconds: 1),
        Specimen(
            "4K60.mp4", card: TestCard.source(3840, 2160, rate: "60", seconds: 2), TestCard.camera + h264,
            width: 3840, height: 2160, seconds: 2),
        Specimen(
            "ten minutes.mp4", card: TestCard.source(320, 180, rate: "5", seconds: 600), TestCard.camera + h264,
            width: 320, height: 180, seconds: 30),
    ]
}
