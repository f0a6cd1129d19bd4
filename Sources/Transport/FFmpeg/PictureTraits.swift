/// What a picture needs beside scaling.
struct PictureTraits: Sendable, Equatable {
    enum Light: Sendable, Equatable {
        /// As a screen of BT.709 or BT.601 shows it.
        case standard
        /// The colour matrix is not named. ffmpeg would take that for BT.601, as is right for small pictures only: in HD
        /// every player shows BT.709, and a conversion would cost as much CPU as the scaling itself.
        case untaggedHD
        /// PQ or HLG (ITU-R BT.2100); zimg's name of the transfer function.
        case high(transfer: String)
    }

    let light: Light
    /// Two fields in each frame, half a frame's time apart.
    let isInterlaced: Bool
}
