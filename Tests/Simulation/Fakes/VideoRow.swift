import Actors

/// A row of the videos table.
package struct VideoRow: Sendable {
    package let video: NewVideo
    package let createdAt: Int64
    package var state = VideoState.uploaded
    package var token: LeaseToken
    /// Who claimed it last.
    package var claimedBy: NodeID?
    package var attempts = 0
    package var dispatch = 1
    package var claims = 0
    /// Virtual nanoseconds of the database's clock.
    package var leaseUntil: Int64 = 0
    /// When the last dispatch or claim was.
    package var touchedAt: Int64
    /// Re-dispatches since the last claim: each doubles the wait for the next.
    package var redispatches = 0
    package var progressPercent = 0
    package var processedAt: Int64?
    package var failure: FailureReason?
    package var result: ProcessedResult?

    package func hasLiveLease(at now: Int64) -> Bool { leaseUntil > now }
    package var current: Dispatch { Dispatch(video: video.id, number: dispatch) }
}

extension FakeDatabase {
    /// For the coverage: what the row says, and whether somebody works on it.
    func state(of video: VideoID) -> String {
        guard let row = videos[video] else { return "absent" }
        switch row.state {
        case .uploaded, .processing:
            return row.hasLiveLease(at: now) ? "\(row.state.rawValue), leased" : row.state.rawValue
        case .processed, .failed: return row.state.rawValue
        }
    }
}

/// A row of the outbox.
struct OutboxRow: Sendable {
    let id: Int64
    let destination: OutboxDestination
    let dispatch: Dispatch
    /// When the message may first be seen.
    let dueAt: Int64
    var heldUntil: Int64 = 0
}
