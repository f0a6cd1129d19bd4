import Actors

/// The votes' tables.
struct FakeVotes: Sendable {
    struct Batch: Sendable {
        let delta: VoteDelta
        let verdicts: [VoteVerdict]
        let at: Int64
    }

    /// One writer's batches, in their order.
    private struct Lane: Sendable {
        let writer: WriterID
        var batches: [Batch] = []
        /// The last number that was pruned.
        var prunedTo: Int64 = 0
        var last: Int64 { batches.last?.delta.number ?? prunedTo }
    }

    /// Who was voted for by whom.
    private(set) var players: [VoteRequest: UserID] = [:]
    private var counts: [VideoID: Int] = [:]
    private var lastFeedNumber: Int64 = 0
    private static let feedWriter: WriterID = {
        guard let id = WriterID("00000000-0000-0000-0000-000000000000") else { preconditionFailure("a UUID") }
        return id
    }()
    private var lanes: [Lane] = []

    func count(for video: VideoID) -> Int { counts[video] ?? 0 }

    mutating func register(_ writer: WriterID) {
        if !lanes.contains(where: { $0.writer == writer }) { lanes.append(Lane(writer: writer)) }
    }

    func batch(_ writer: WriterID, _ number: Int64) -> Batch? {
        lanes.first { $0.writer == writer }?.batches.first { $0.delta.number == number }
    }

    mutating func add(_ request: VoteRequest, for player: UserID) {
        players[request] = player
        counts[request.video, default: 0] += 1
    }

    /// The votes of an erased account and for its videos, as one batch of the feed's own writer.
    mutating func takeBack(voter: UserID, videos: [VideoID], at time: Int64) {
        var changes: [UserID: Int] = [:]
        for (request, player) in players where request.voter == voter || videos.contains(request.video) {
            changes[player, default: 0] -= 1
            counts[request.video, default: 0] -= 1
            players[request] = nil
        }
        guard !changes.isEmpty else { return }
        register(Self.feedWriter)
        lastFeedNumber += 1
        let delta = VoteDelta(writer: Self.feedWriter, number: lastFeedNumber, changes: Self.sorted(changes))
        append(Batch(delta: delta, verdicts: [], at: time))
    }

    static func sorted(_ changes: [UserID: Int]) -> [PlayerChange] {
        changes.sorted { $0.key < $1.key }.map { PlayerChange(player: $0.key, votes: $0.value) }
    }

    mutating func append(_ batch: Batch) {
        guard let lane = lanes.firstIndex(where: { $0.writer == batch.delta.writer }) else { return }
        lanes[lane].batches.append(batch)
    }

    var positions: FeedPositions {
        var positions: FeedPositions = [:]
        for lane in lanes { positions[lane.writer] = lane.last }
        return positions
    }

    func deltas(after positions: FeedPositions, limitPerWriter: Int) -> FeedPage {
        var deltas: [VoteDelta] = []
        var more = false
        for lane in lanes {
            let position = positions[lane.writer] ?? 0
            if lane.prunedTo > position { return .behind }
            if lane.last <= position { continue }
            let mine = lane.batches.drop { $0.delta.number <= position }
            deltas += mine.prefix(limitPerWriter).map(\.delta)
            more = more || mine.count > limitPerWriter
        }
        return .deltas(deltas, more: more)
    }

    mutating func prune(before time: Int64) {
        for index in lanes.indices {
            while let first = lanes[index].batches.first, first.at < time {
                lanes[index].prunedTo = first.delta.number
                lanes[index].batches.removeFirst()
            }
        }
    }
}

extension FakeDatabase {
    /// Runs the batch again; one that was committed tells what stands of it: a vote that an erasure took back
    /// meanwhile is one for a video, or by a voter, that does not exist.
    func settle(_ batch: VoteBatch, allowSelfVote: Bool) -> [VoteVerdict] {
        guard let known = votes.batch(batch.writer, batch.number) else {
            return cast(batch, allowSelfVote: allowSelfVote)
        }
        return zip(batch.requests, known.verdicts).map { request, verdict in
            guard case .accepted = verdict else { return verdict }
            return votes.players[request] == nil ? .unknownVideo : verdict
        }
    }

    func cast(_ batch: VoteBatch, allowSelfVote: Bool) -> [VoteVerdict] {
        if let known = votes.batch(batch.writer, batch.number) { return known.verdicts }
        var changes: [UserID: Int] = [:]
        let verdicts = batch.requests.enumerated().map { index, request -> VoteVerdict in
            let isHeld = batch.reservations[index].map { key(of: $0) != nil } ?? true
            let verdict = isHeld ? decide(request, allowSelfVote: allowSelfVote) : .superseded
            if case .accepted(let player) = verdict { changes[player, default: 0] += 1 }
            if let token = batch.reservations[index] { answer(token, verdict) }
            return verdict
        }
        // A batch of refusals writes nothing.
        guard !changes.isEmpty else { return verdicts }
        let delta = VoteDelta(writer: batch.writer, number: batch.number, changes: FakeVotes.sorted(changes))
        votes.append(FakeVotes.Batch(delta: delta, verdicts: verdicts, at: now))
        return verdicts
    }

    private func decide(_ request: VoteRequest, allowSelfVote: Bool) -> VoteVerdict {
        guard let row = videos[request.video] else { return .unknownVideo }
        guard row.state == .processed else { return .notProcessed }
        guard allowSelfVote || row.video.owner != request.voter else { return .ownVideo }
        guard users[request.voter] != nil else { return .unknownVideo }
        guard votes.players[request] == nil else { return .alreadyVoted }
        votes.add(request, for: row.video.owner)
        return .accepted(player: row.video.owner)
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
        return votes.players[VoteRequest(voter: voter, video: video)] != nil
    }
}
