/// Votes that are written together, under one number of one writer.
package struct VoteBatch: Sendable, Equatable {
    package let writer: WriterID
    /// From 1; a writer commits its batches in this order.
    package let number: Int64
    /// At most `VoteBatch.maximumSize`; a verdict's index is its request's.
    package let requests: [VoteRequest]
    /// Of requests under an idempotency key, by their index: each is answered with its verdict's text.
    package let reservations: [Int: ReservationToken]

    /// The ticket of a vote keeps its place in the batch in ten bits.
    package static let maximumSize = 1023

    package init(
        writer: WriterID, number: Int64, requests: [VoteRequest], reservations: [Int: ReservationToken] = [:]
    ) {
        precondition(requests.count <= Self.maximumSize, "a batch holds at most \(Self.maximumSize) votes")
        self.writer = writer
        self.number = number
        self.requests = requests
        self.reservations = reservations
    }
}

package struct RankedPlayer: Sendable, Equatable {
    package let id: UserID
    package let username: String
    package let city: String

    package init(id: UserID, username: String, city: String) {
        self.id = id
        self.username = username
        self.city = city
    }
}

/// Where a reader of the feed stands: the last batch number seen of each writer.
package typealias FeedPositions = [WriterID: Int64]

/// Counts and positions of one moment, read in one REPEATABLE READ transaction.
package struct RankingSnapshot: Sendable, Equatable {
    /// Only players with a vote on a processed video.
    package let tallies: [PlayerTally]
    package let positions: FeedPositions

    package init(tallies: [PlayerTally], positions: FeedPositions) {
        self.tallies = tallies
        self.positions = positions
    }
}

package struct PlayerTally: Sendable, Equatable {
    package let player: RankedPlayer
    package let votes: Int

    package init(player: RankedPlayer, votes: Int) {
        self.player = player
        self.votes = votes
    }
}

/// What one committed batch changed.
package struct VoteDelta: Sendable, Equatable {
    package let writer: WriterID
    package let number: Int64
    package let changes: [PlayerChange]

    package init(writer: WriterID, number: Int64, changes: [PlayerChange]) {
        self.writer = writer
        self.number = number
        self.changes = changes
    }
}

package struct PlayerChange: Sendable, Equatable {
    package let player: UserID
    package let votes: Int

    package init(player: UserID, votes: Int) {
        self.player = player
        self.votes = votes
    }
}

package enum FeedPage: Sendable, Equatable {
    /// In number order within each writer; `more` when a limit cut it.
    case deltas([VoteDelta], more: Bool)
    /// Batches after the reader's position were pruned: load a snapshot anew.
    case behind
}

package protocol VoteRepository: Sendable {
    /// Registers a fresh writer; committed before its first batch, so that every reader of the feed finds it.
    func register(_ writer: WriterID) async throws(RepositoryError)
    /// Writes the batch in one statement and returns a verdict for each request, in order. A lost answer throws
    /// `.unavailable`: then `settle` must be called until it answers, before the writer's next number.
    func cast(_ batch: VoteBatch, allowSelfVote: Bool) async throws(RepositoryError) -> [VoteVerdict]
    /// After a lost answer: runs the batch again, then reads its tickets in a new statement. Exact whether or not the
    /// first run was committed.
    func settle(_ batch: VoteBatch, allowSelfVote: Bool) async throws(RepositoryError) -> [VoteVerdict]
    func snapshot() async throws(RepositoryError) -> RankingSnapshot
    /// Committed batches after `positions`, of every registered writer, at most `limitPerWriter` each.
    func deltas(after positions: FeedPositions, limitPerWriter: Int) async throws(RepositoryError) -> FeedPage
    func players(_ ids: [UserID]) async throws(RepositoryError) -> [RankedPlayer]
    /// Nil for a video that does not exist.
    func hasVoted(_ voter: UserID, for video: VideoID) async throws(RepositoryError) -> Bool?
    /// Removes batches older than `age`, and writers without batches that are older than it.
    func pruneBatches(olderThan age: Duration) async throws(RepositoryError)
}
