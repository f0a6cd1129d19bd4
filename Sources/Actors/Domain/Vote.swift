/// One person's wish to vote for one video.
package struct VoteRequest: Sendable, Hashable {
    package let voter: UserID
    package let video: VideoID

    package init(voter: UserID, video: VideoID) {
        self.voter = voter
        self.video = video
    }
}

/// What became of a vote. Refusals are decided in this order: superseded, unknown, not processed, own,
/// already voted.
package enum VoteVerdict: Sendable, Equatable {
    case accepted(player: UserID)
    case unknownVideo, notProcessed, ownVideo, alreadyVoted
    /// Nothing was decided: the reservation of its idempotency key is another request's by now.
    case superseded

    /// As it is remembered under an idempotency key.
    package var text: String {
        switch self {
        case .accepted(let player): "accepted \(player)"
        case .unknownVideo: "unknownVideo"
        case .notProcessed: "notProcessed"
        case .ownVideo: "ownVideo"
        case .alreadyVoted: "alreadyVoted"
        case .superseded: "superseded"
        }
    }

    /// Of `text`.
    package init?(text: String) {
        switch text {
        case "unknownVideo": self = .unknownVideo
        case "notProcessed": self = .notProcessed
        case "ownVideo": self = .ownVideo
        case "alreadyVoted": self = .alreadyVoted
        default:
            guard text.hasPrefix("accepted "), let player = UserID(text.dropFirst(9)) else { return nil }
            self = .accepted(player: player)
        }
    }
}
