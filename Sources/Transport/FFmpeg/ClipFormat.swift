import Actors

/// The form of every published clip. Intro, clip and outro are encoded with equal parameters, so that they can be joined
/// by copying packets.
enum ClipFormat {
    static let width = 1280
    static let height = 720
    /// Seconds of the original that are published.
    static let maximumSeconds = 30
    /// Units of a second in the published file: a whole number of them is a frame at each rate.
    static let timescale = 30_000
    /// Pixels between the watermark and the frame's right and lower edge.
    static let watermarkMargin = 24
    /// Names of ffmpeg's demuxers: mov covers mp4, matroska covers webm, asf covers wmv.
    static let demuxers = "mov,avi,asf,matroska"

    /// Names of codecs that cameras, phones, editors and browsers write, as ffprobe gives them.
    static let codecs: Set<String> = [
        "aic", "av1", "cfhd", "dnxhd", "dvvideo", "h263", "h264", "hevc", "huffyuv", "mjpeg", "mpeg1video",
        "mpeg2video",
        "mpeg4", "msmpeg4v2", "msmpeg4v3", "prores", "qtrle", "rawvideo", "utvideo", "v210", "vc1", "vc1image", "vp8",
        "vp9", "wmv1", "wmv2", "wmv3", "wmv3image",
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

    /// x264 at its cheapest preset plus what costs little there: CABAC, fixed B-frames and the 8×8 transform take a third
    /// off the file for about a sixth more CPU; a step of sub-pixel search would cost as much again for a thirtieth
    /// (docs/media.md). `stitchable` keeps the PPS free of the rate factor. The colour is always said, or the SPS would
    /// differ with what the decoder reports.
    static func encoder(_ rate: ClipRate, rateFactor: Int, threads: Int) -> [String] {
        [
            "-c:v", "libx264", "-preset", "ultrafast", "-crf", "\(rateFactor)", "-threads", "\(threads)",
            "-x264-params",
            "cabac=1:bframes=3:b-adapt=0:8x8dct=1:analyse=i8x8,i4x4:stitchable=1",
            "-profile:v", "high", "-level:v", "3.1", "-pix_fmt", "yuv420p", "-g", "\(2 * rate.framesPerSecond)",
            "-r", "\(rate.framesPerSecond)", "-fps_mode", "cfr",
            "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
            "-chroma_sample_location", "left", "-video_track_timescale", "\(timescale)",
            "-an", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1", "-f", "mp4",
        ]
    }

    /// Filters that bring any picture to the clip's form: whole frames, even rate, right shape by the display aspect
    /// ratio, a screen's range of light, black bars. `fps` is on every branch: without it a join of different rates
    /// never ends.
    static func fit(_ picture: PictureTraits, at rate: ClipRate) -> String {
        let wide = side(width, "\(height)*dar")
        let high = side(height, "\(width)/dar")
        let scale = "scale=w=\(wide):h=\(high):flags=bicubic"
        let light: String =
            switch picture.light {
            case .standard: ":\(standardLight)"
            // Not every camera says which matrix it used; none does in HD but BT.709.
            case .untaggedHD: ":in_color_matrix=bt709:\(standardLight)"
            case .high(let transfer): ",\(toneMap(transfer))"
            }
        // Frames that are not marked as interlaced pass as they are.
        return (picture.isInterlaced ? "yadif=deint=interlaced," : "")
            + "fps=\(rate.framesPerSecond),\(scale)\(light),setsar=1,"
            + "pad=\(width):\(height):(ow-iw)/2:(oh-ih)/2,format=yuv420p"
    }

    /// An even number of pixels, by an expression of ffmpeg's: at least two (0 would mean "as the input"), and the whole side
    /// where at most four are missing: hairlines of black are seen, a picture stretched by half a hundredth is not.
    private static func side(_ whole: Int, _ fitting: String) -> String {
        "if(gte(\(fitting)\\,\(whole - 4))\\,\(whole)\\,max(2\\,trunc(\(fitting)/2)*2))"
    }

    private static let standardLight = "out_color_matrix=bt709:out_range=tv"

    /// From PQ or HLG in BT.2020 to BT.709 by way of linear light, after scaling: it costs 0.7 CPU seconds for each second
    /// of 720p. 203 cd/m² is the white of a page in such a picture (ITU-R BT.2408, section 2) and becomes white. Half
    /// of the light below it stays as it is, what is above is bent so that 1000 cd/m² are white, too: skin keeps its
    /// colour, where Hable's curve makes all of it a fifth darker.
    private static func toneMap(_ transfer: String) -> String {
        "zscale=tin=\(transfer):min=2020_ncl:pin=2020:t=linear:p=2020:m=gbr:npl=203,format=gbrpf32le,"
            + "zscale=tin=linear:pin=2020:min=gbr:p=709:m=gbr,tonemap=tonemap=mobius:param=0.5:peak=5:desat=0,"
            + "zscale=tin=linear:pin=709:min=gbr:t=709:m=709:r=limited"
    }

    /// `file:` keeps ffmpeg from reading a path as an option or another protocol.
    static func url(_ file: LocalFile) -> String { "file:\(file.path)" }
}
