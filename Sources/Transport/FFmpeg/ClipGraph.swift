import Actors

/// The filter graphs of a clip.
enum ClipGraph {
    /// Between two pictures that may become the poster.
    private static let posterSeconds = 1
    private static let poster =
        "scale=640:360:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc,format=yuvj420p"

    /// The whole clip with the watermark as `[v]`, and what its poster is chosen from as `[p]`.
    ///
    /// The watermark comes by `movie=`, not as an input: when the picture's size changes within a clip, ffmpeg builds
    /// the graph anew, and a still input has ended by then. There is no `setpts` for the same reason.
    static func main(of source: FFprobeMediaProbe.Source, watermark: LocalFile) -> String {
        let margin = ClipFormat.watermarkMargin
        return """
            \(FilterText.still(watermark)),format=yuva420p[l];\
            [0:\(source.stream)]\(ClipFormat.fit(source.traits, at: source.rate))[m];\
            [m][l]overlay=W-w-\(margin):H-h-\(margin):format=yuv420,format=yuv420p,split[v][s];\
            [s]select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,\(posterSeconds)),\(poster)[p]
            """
    }

    /// Intro, clip and outro decoded and joined: for a clip whose parameters came out otherwise.
    static func join(at rate: ClipRate) -> String {
        let parts = (0..<3).map { "[\($0):v:0]fps=\(rate.framesPerSecond),setsar=1,format=yuv420p[p\($0)];" }
        return parts.joined() + "[p0][p1][p2]concat=n=3:v=1:a=0[v]"
    }

    /// JPEGs one behind the other through the raw muxer: the image muxer would read a `%` in the path as a pattern.
    static func posterOutput(_ file: LocalFile) -> [String] {
        [
            "-fps_mode", "passthrough", "-c:v", "mjpeg", "-q:v", "4", "-map_metadata", "-1", "-f", "mjpeg",
            ClipFormat.url(file),
        ]
    }
}
