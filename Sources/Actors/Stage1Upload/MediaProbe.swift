/// The port to ffprobe: says what a file is, by its content.
package protocol MediaProbe: Sendable {
    func probe(_ file: LocalFile) async throws(MediaProbeError) -> MediaDescription
}

package struct MediaDescription: Sendable, Equatable {
    package let container: MediaContainer
    package let width: Int
    package let height: Int
    /// Nil where the container does not say (a browser's recording).
    package let duration: Duration?
    /// Frames a second on average; nil where the container does not say.
    package let frameRate: Double?
    /// Of pictures, sound, subtitles, data and attachments.
    package let streams: Int

    package init(
        container: MediaContainer, width: Int, height: Int, duration: Duration?, frameRate: Double? = nil,
        streams: Int = 1
    ) {
        self.container = container
        self.width = width
        self.height = height
        self.duration = duration
        self.frameRate = frameRate
        self.streams = streams
    }
}

package enum MediaContainer: String, Sendable, CaseIterable {
    case mp4, mov, avi, wmv, mkv, webm

    package var contentType: String {
        switch self {
        case .mp4: "video/mp4"
        case .mov: "video/quicktime"
        case .avi: "video/x-msvideo"
        case .wmv: "video/x-ms-wmv"
        case .mkv: "video/x-matroska"
        case .webm: "video/webm"
        }
    }
}

package enum MediaProbeError: Error, Sendable, Equatable {
    /// No container or picture that is accepted.
    case notAVideo
    /// A picture by a codec that is not accepted; its name.
    case unsupportedCodec(String)
    /// A container that is accepted, but it cannot be read.
    case corrupt
    /// The probe itself could not run, or took too long.
    case unavailable(String)

    /// What the player is told; nil when the clip is not to blame.
    package var reason: FailureReason? {
        switch self {
        case .notAVideo: .notAVideo(allowed: MediaContainer.allCases.map { $0.rawValue.uppercased() })
        case .unsupportedCodec(let name): .unsupportedCodec(name)
        case .corrupt: .corrupt
        case .unavailable: nil
        }
    }
}
