/// What the contest accepts: the `contest` section of `cluster.json`.
package struct ContestPolicy: Sendable, Equatable {
    package var maximumFileBytes: Int64
    package var minimumDuration: Duration
    package var maximumDuration: Duration
    /// Width × height of a frame.
    package var maximumPixels: Int
    /// Lines of the shorter side; 0 means any.
    package var minimumLines: Int
    /// Frames a second of an original.
    package var maximumFrameRate: Int
    /// Pictures, sound, subtitles, data and attachments of an original.
    package var maximumStreams: Int
    package var maximumVideosPerPlayer: Int
    package var allowSelfVote: Bool
    /// Votes that may wait for a batch on one node; beyond it voters get 503.
    package var maximumWaitingVotes: Int

    package init(
        maximumFileBytes: Int64 = 100_000_000, minimumDuration: Duration = .seconds(1),
        maximumDuration: Duration = .seconds(600), maximumPixels: Int = 33_177_600, minimumLines: Int = 0,
        maximumFrameRate: Int = 300, maximumStreams: Int = 16,
        maximumVideosPerPlayer: Int = 200, allowSelfVote: Bool = false, maximumWaitingVotes: Int = 10_000
    ) {
        self.maximumFileBytes = maximumFileBytes
        self.minimumDuration = minimumDuration
        self.maximumDuration = maximumDuration
        self.maximumPixels = maximumPixels
        self.minimumLines = minimumLines
        self.maximumFrameRate = maximumFrameRate
        self.maximumStreams = maximumStreams
        self.maximumVideosPerPlayer = maximumVideosPerPlayer
        self.allowSelfVote = allowSelfVote
        self.maximumWaitingVotes = maximumWaitingVotes
    }
}
