import Actors

/// The one form of every published clip. Intro, clip and outro are encoded with equal parameters, so that they can be
/// joined by copying packets.
enum ClipFormat {
    static let width = 1280
    static let height = 720
    static let framesPerSecond = 30
    /// Seconds of the original that are published.
    static let maximumSeconds = 30
    /// Pixels between the watermark and the frame's right and lower edge.
    static let watermarkMargin = 24
    /// Names of ffmpeg's demuxers: mov covers mp4, matroska covers webm, asf covers wmv.
    static let demuxers = "mov,avi,asf,matroska"

    /// Names of codecs that cameras, phones, editors and browsers write, as ffprobe gives them.
    static let codecs: Set<String> = [
        "av1", "dvvideo", "h263", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v2",
        "msmpeg4v3", "prores", "vc1", "vp8", "vp9", "wmv1", "wmv2", "wmv3",
    ]
    /// Decoders that a transcode may open: those of `codecs` under ffmpeg's names; of sound and subtitles none.
    static let decoders = codecs.union(["libdav1d", "msmpeg4"]).sorted().joined(separator: ",")
    /// Beyond any setting of `contest.maxStreams`.
    private static let maximumStreams = 64

    /// Options before `-i` of a file that a stranger uploaded: nothing but the file is opened, in no other format.
    /// ffprobe needs a decoder of each stream, whatever it is: only ffmpeg gets `decoders`.
    static let hostileInput = [
        "-protocol_whitelist", "file", "-format_whitelist", demuxers, "-max_streams", "\(maximumStreams)",
    ]

    /// x264 at its cheapest preset plus what costs next to nothing there: CABAC, fixed B-frames, the 8×8 transform and
    /// one step of sub-pixel search halve the file for about a tenth more CPU. `stitchable` keeps the PPS free of the
    /// rate factor. The colour is always said, or the SPS would differ with what the decoder reports.
    static func encoder(rateFactor: Int, threads: Int) -> [String] {
        [
            "-c:v", "libx264", "-preset", "ultrafast", "-crf", "\(rateFactor)", "-threads", "\(threads)",
            "-x264-params",
            "cabac=1:bframes=3:b-adapt=0:subme=1:8x8dct=1:analyse=i8x8,i4x4:stitchable=1",
            "-profile:v", "high", "-level:v", "3.1", "-pix_fmt", "yuv420p", "-g", "60",
            "-r", "\(framesPerSecond)", "-fps_mode", "cfr",
            "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
            "-chroma_sample_location", "left", "-video_track_timescale", "30000",
            "-an", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1", "-f", "mp4",
        ]
    }

    /// Filters that bring any picture to the clip's form: even rate, right shape by the display aspect ratio, black
    /// bars. `fps` comes first and on every branch: without it a join of different rates never ends.
    ///
    /// - Parameter isUntaggedHD: the original does not name its colour matrix. ffmpeg would take that for BT.601, as is
    ///   right for small pictures only: in HD every player shows BT.709, and a conversion would cost as much CPU as
    ///   the scaling itself.
    static func fit(isUntaggedHD: Bool) -> String {
        // At least two lines: a height of 0 would mean "as the input".
        let wide = "max(2\\,trunc(min(\(width)\\,\(height)*dar)/2)*2)"
        let high = "max(2\\,trunc(min(\(height)\\,\(width)/dar)/2)*2)"
        let matrix = (isUntaggedHD ? "in_color_matrix=bt709:" : "") + "out_color_matrix=bt709:out_range=tv"
        return "fps=\(framesPerSecond),scale=w=\(wide):h=\(high):flags=bicubic:\(matrix),setsar=1,"
            + "pad=\(width):\(height):(ow-iw)/2:(oh-ih)/2,format=yuv420p"
    }

    /// `file:` keeps ffmpeg from reading a path as an option or another protocol.
    static func url(_ file: LocalFile) -> String { "file:\(file.path)" }
}
