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

    package init(container: MediaContainer, width: Int, height: Int, duration: Duration?) {
        self.container = container
        self.width = width
        self.height = height
        self.duration = duration
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
    /// No container, codec or picture that is accepted.
    case notAVideo
    /// A container that is accepted, but it cannot be read.
    case corrupt
    /// The probe itself could not run, or took too long.
    case unavailable(String)
}
