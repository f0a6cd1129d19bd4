import Actors

/// The votes' tables.
struct FakeVotes: Sendable {
    struct Batch: Sendable {
        let delta: VoteDelta
        let verdicts: [VoteVerdict]
        let at: Int64
    }

    private(set) var ballots: Set<VoteRequest> = []
    private var players: [VoteRequest: UserID] = [:]
    private var counts: [VideoID: Int] = [:]
    private var lastFeedNumber: Int64 = 0
    private static let feedWriter: WriterID = {
        guard let id = WriterID("00000000-0000-0000-0000-000000000000") else { preconditionFailure("a UUID") }
        return id
    }()
    private var writers: [WriterID] = []
    private(set) var batches: [Batch] = []
    /// The last number pruned of each writer.
    private var pruned: FeedPositions = [:]

    func count(for video: VideoID) -> Int { counts[video] ?? 0 }

    mutating func register(_ writer: WriterID) {
        if !writers.contains(writer) { writers.append(writer) }
    }

    func batch(_ writer: WriterID, _ number: Int64) -> Batch? {
        batches.first { $0.delta.writer == writer && $0.delta.number == number }
    }

    mutating func add(_ request: VoteRequest, for player: UserID) {
        ballots.insert(request)
        players[request] = player
        counts[request.video, default: 0] += 1
    }

    /// The votes of an erased account and for its videos, as one batch of the feed's own writer.
    mutating func takeBack(voter: UserID, videos: [VideoID], at time: Int64) {
        var changes: [UserID: Int] = [:]
        for (request, player) in players where request.voter == voter || videos.contains(request.video) {
            changes[player, default: 0] -= 1
            counts[request.video, default: 0] -= 1
            ballots.remove(request)
            players[request] = nil
        }
        guard !changes.isEmpty else { return }
        register(Self.feedWriter)
        lastFeedNumber += 1
        let sorted = changes.sorted { $0.key < $1.key }.map { PlayerChange(player: $0.key, votes: $0.value) }
        let delta = VoteDelta(writer: Self.feedWriter, number: lastFeedNumber, changes: sorted)
        append(Batch(delta: delta, verdicts: [], at: time))
    }

    mutating func append(_ batch: Batch) { batches.append(batch) }

    var positions: FeedPositions {
        var positions = pruned
        for writer in writers where positions[writer] == nil { positions[writer] = 0 }
        for batch in batches { positions[batch.delta.writer] = batch.delta.number }
        return positions
    }

    func deltas(after positions: FeedPositions, limitPerWriter: Int) -> FeedPage {
        var deltas: [VoteDelta] = []
        var more = false
        for writer in writers {
            let position = positions[writer] ?? 0
            if let last = pruned[writer], last > position { return .behind }
            let mine = batches.map(\.delta).filter { $0.writer == writer && $0.number > position }
            deltas += mine.prefix(limitPerWriter)
            more = more || mine.count > limitPerWriter
        }
        return .deltas(deltas, more: more)
    }

    mutating func prune(before time: Int64) {
        for batch in batches where batch.at < time { pruned[batch.delta.writer] = batch.delta.number }
        batches.removeAll { $0.at < time }
    }
}

extension FakeDatabase {
    /// Also settles: a batch that was committed answers again with its own tickets.
    func cast(_ batch: VoteBatch, allowSelfVote: Bool) -> [VoteVerdict] {
        if let known = votes.batch(batch.writer, batch.number) { return known.verdicts }
        var changes: [UserID: Int] = [:]
        let verdicts = batch.requests.map { request -> VoteVerdict in
            guard let row = videos[request.video] else { return .unknownVideo }
            guard row.state == .processed else { return .notProcessed }
            guard allowSelfVote || row.video.owner != request.voter else { return .ownVideo }
            guard !votes.ballots.contains(request) else { return .alreadyVoted }
            votes.add(request, for: row.video.owner)
            changes[row.video.owner, default: 0] += 1
            return .accepted(player: row.video.owner)
        }
        let sorted = changes.sorted { $0.key < $1.key }.map { PlayerChange(player: $0.key, votes: $0.value) }
        let delta = VoteDelta(writer: batch.writer, number: batch.number, changes: sorted)
        votes.append(FakeVotes.Batch(delta: delta, verdicts: verdicts, at: now))
        return verdicts
    }

    func snapshot() -> RankingSnapshot {
        var tallies: [PlayerTally] = []
        for id in usersInOrder {
            let count = sortedVideos.filter { $0.video.owner == id && $0.state == .processed }
                .reduce(0) { $0 + votes.count(for: $1.video.id) }
            if count > 0, let player = player(id) { tallies.append(PlayerTally(player: player, votes: count)) }
        }
        return RankingSnapshot(tallies: tallies, positions: votes.positions)
    }

    func hasVoted(_ voter: UserID, for video: VideoID) -> Bool? {
        guard videos[video] != nil else { return nil }
        return votes.ballots.contains(VoteRequest(voter: voter, video: video))
    }
}
