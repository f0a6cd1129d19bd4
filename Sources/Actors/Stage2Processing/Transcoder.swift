/// The port to ffmpeg: makes the published clip of one original.
package protocol Transcoder: Sendable {
    /// Writes the clip and its poster into the workspace. `progress` is called with 0 to 100, never going back, at most
    /// a few times a second, from any thread; with 0 when work on the clip begins, after any wait for memory. Cancellation kills the whole process group before it returns.
    func transcode(_ source: LocalFile, in workspace: Workspace, progress: @escaping @Sendable (Int) -> Void)
        async throws(TranscodeError) -> TranscodedClip
}

package struct TranscodedClip: Sendable, Equatable {
    package let video: LocalFile
    package let poster: LocalFile
    package let duration: Duration
    package let sizeBytes: Int64

    package init(video: LocalFile, poster: LocalFile, duration: Duration, sizeBytes: Int64) {
        self.video = video
        self.poster = poster
        self.duration = duration
        self.sizeBytes = sizeBytes
    }
}

/// Sorted by what the worker does next.
package enum TranscodeError: Error, Sendable, Equatable {
    /// The clip is to blame: no retry can help.
    case unusable(FailureReason)
    /// The attempt failed (an ffmpeg killed, no room): to be tried again. `detail` is for the log.
    case failed(detail: String)
    case cancelled

    /// For a person at a terminal.
    package var explanation: String {
        switch self {
        case .unusable(let reason): reason.english
        case .failed(let detail): detail
        case .cancelled: "cancelled"
        }
    }
}
