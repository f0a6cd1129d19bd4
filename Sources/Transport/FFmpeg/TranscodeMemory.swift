/// About how much memory the transcode of a clip takes (docs/media.md, "Memory"); more when its picture grows midway.
enum TranscodeMemory {
    /// Programs, filters, the encoder's pictures in 720p.
    private static let base: Int64 = 120_000_000
    /// Tone mapping by way of linear light, in floating point.
    private static let toneMapping: Int64 = 60_000_000
    /// Of the original's pictures that a decoder holds, at two bytes a sample and full chroma at worst.
    private static let bytesPerPixel: Int64 = 24

    /// - Parameter source: within the limit of pixels.
    static func bytes(of source: FFprobeMediaProbe.Source, threads: Int) -> Int64 {
        let pixels = Int64(source.width) * Int64(source.height)
        // Each further thread of a decoder works on a picture of its own.
        let pictures = pixels * (bytesPerPixel + Int64(threads - 1) * 12)
        if case .high = source.traits.light { return base + toneMapping + pictures }
        return base + pictures
    }
}
