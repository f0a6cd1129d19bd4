/// One person's wish to vote for one video.
package struct VoteRequest: Sendable, Hashable {
    package let voter: UserID
    package let video: VideoID

    package init(voter: UserID, video: VideoID) {
        self.voter = voter
        self.video = video
    }
}

/// What became of a vote. Refusals are decided in this order: unknown, not processed, own, already voted.
package enum VoteVerdict: Sendable, Equatable {
    case accepted(player: UserID)
    case unknownVideo, notProcessed, ownVideo, alreadyVoted
}
