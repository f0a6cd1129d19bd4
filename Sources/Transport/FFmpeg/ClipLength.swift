import Actors

/// Whether an encode that ended well gave what the original promised: ffmpeg ends with 0 on a truncated file.
package enum ClipLength {
    /// What is published of an original of that length; nil where it does not say.
    package static func expected(of original: Duration?) -> Duration? {
        original.map { min($0, .seconds(ClipFormat.maximumSeconds)) }
    }

    /// Clearly shorter: by more than a second and a fiftieth, or by more than half of a very short clip.
    package static func isCutShort(frames: Int, at rate: ClipRate, expected: Duration?) -> Bool {
        guard frames > 0 else { return true }
        guard let expected else { return false }
        let missing = expected - rate.duration(frames: frames)
        return missing > min(.seconds(1) + expected / 50, expected / 2)
    }
}
