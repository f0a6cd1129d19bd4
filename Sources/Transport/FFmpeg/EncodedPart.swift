import Actors

/// What is known of a file that this pipeline wrote.
struct EncodedPart: Sendable, Equatable {
    /// Of SPS and PPS: parts with equal ones can be joined by copying.
    let extradataHash: String
    let frames: Int
}

extension FFprobeMediaProbe {
    func encodedPart(_ file: LocalFile) async throws(MediaProbeError) -> EncodedPart {
        guard let picture = try await report(file).picture, let hash = picture.extradataHash,
            let frames = picture.nbFrames.flatMap({ Int($0) })
        else { throw .corrupt }
        return EncodedPart(extradataHash: hash, frames: frames)
    }
}
