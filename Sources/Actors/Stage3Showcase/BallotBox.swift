import Logging

package enum VoteError: Error, Sendable, Equatable {
    /// `contest.maxWaitingVotes` are waiting on this node.
    case full
    /// The node is stopping, or the database has been away too long: the vote may or may not count; asking again tells.
    case unavailable
    /// The node is stopping, or the database away: the vote was surely not written.
    case notTaken
    /// The account has `IdempotencyKey.maximumOfUser` keys.
    case tooManyKeys
    /// A request with the same idempotency key is under way.
    case inProgress
    /// The idempotency key was used for another video.
    case keyReused
}

/// Gathers votes and writes them in batches, one statement each, on one lane.
///
/// Owns the votes that wait and the lane's writer and number. Talked to by the vote route; tells the RankingActor by
/// AsyncStream. The batch grows while the last one is written. Bounds: `maximumWaitingVotes`, and
/// `VoteBatch.maximumSize` a batch. A batch whose answer was lost is settled before the next number is used; each waiter
/// is resumed exactly once: verdict, failure or shutdown.
package actor BallotBox {
    /// A batch that the database does not decide for this long is given up: the waiters get 503, the lane a new writer. Short,
    /// for the fans of the batch wait, and those behind it: asking again tells them, as soon as the database is back.
    package static let settleLimit: Duration = .seconds(5)
    /// Between two announcements of this node to the others.
    package static let announceInterval: Duration = .milliseconds(50)

    private nonisolated let filled = Signal()
    private nonisolated let announcing = Signal()
    private let contest: ContestPolicy
    private let votes: any VoteRepository
    private let feed: any ChangeFeed
    private let rankings: RankingActor
    private let ids: IdentifierSource
    private nonisolated let keys: IdempotencyKeys
    private let clock: any NodeClock
    private let random: any RandomSource
    private let logger: Logger

    private var waiting: [Waiter] = []
    private var inBatch = 0
    private var closed = false
    private var writer: WriterID?
    private var number: Int64 = 0
    /// The last number that changed anything.
    private var changedNumber: Int64 = 0

    private struct Waiter {
        let request: VoteRequest
        let reservation: ReservationToken?
        let continuation: CheckedContinuation<Result<Decision, VoteError>, Never>
    }

    private struct Decision: Sendable {
        let verdict: VoteVerdict
        let writer: WriterID
        let number: Int64
    }

    package init(
        contest: ContestPolicy, votes: any VoteRepository, feed: any ChangeFeed, rankings: RankingActor,
        keys: IdempotencyKeys, ids: IdentifierSource, clock: any NodeClock, random: any RandomSource, logger: Logger
    ) {
        self.contest = contest
        self.votes = votes
        self.feed = feed
        self.rankings = rankings
        self.keys = keys
        self.ids = ids
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// Returns once the vote is decided and, when accepted, shown by every later read of the ranking on this node. A
    /// vote that counts and cannot be shown in time is `.unavailable`: asking again tells that it counts.
    package func cast(_ request: VoteRequest) async throws(VoteError) -> VoteVerdict {
        try await cast(request, nil)
    }

    /// As without a key, but a repetition gets the first verdict.
    package nonisolated func cast(_ request: VoteRequest, under key: IdempotencyKey) async throws(VoteError)
        -> VoteVerdict
    {
        let beginning: IdempotencyKeys.Beginning
        do { beginning = try await keys.begin(key, for: request.video.description) } catch { throw .notTaken }
        switch beginning {
        case .inProgress: throw .inProgress
        case .tooMany: throw .tooManyKeys
        case .repeated(let known):
            guard known.payload == request.video.description else { throw .keyReused }
            guard let verdict = VoteVerdict(text: known.answer) else { throw .unavailable }
            // The vote may have been another node's.
            if case .accepted = verdict, await !rankings.catchUp() { throw .unavailable }
            return verdict
        case .first(let token):
            do { return try await cast(request, token) } catch {
                // Otherwise it may yet be written: then its batch answers for it.
                if error == .full || error == .notTaken { await keys.release(token) }
                throw error
            }
        }
    }

    private func cast(_ request: VoteRequest, _ reservation: ReservationToken?) async throws(VoteError) -> VoteVerdict {
        guard !closed else { throw .notTaken }
        guard waiting.count + inBatch < contest.maximumWaitingVotes else { throw .full }
        let decision = try await withCheckedContinuation { continuation in
            waiting.append(Waiter(request: request, reservation: reservation, continuation: continuation))
            filled.raise()
        }.get()
        if case .accepted = decision.verdict, await !rankings.reached(decision.number, of: decision.writer) {
            throw .unavailable
        }
        return decision.verdict
    }

    /// Returns when the task is cancelled or `close` was called, after the votes that were waiting are decided.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.announce() }
            for await _ in filled.elements {
                while !waiting.isEmpty, !Task.isCancelled { await writeBatch() }
                if closed || Task.isCancelled { break }
            }
            group.cancelAll()
        }
        closed = true
        let left = waiting
        waiting = []
        for waiter in left { waiter.continuation.resume(returning: .failure(.notTaken)) }
    }

    /// Takes no further votes; `run()` returns when those that wait are decided.
    package func close() {
        closed = true
        filled.raise()
    }

    // MARK: - The lane

    private func writeBatch() async {
        guard let writer = await lane() else { return }
        let taken = Array(waiting.prefix(VoteBatch.maximumSize))
        waiting.removeFirst(taken.count)
        inBatch = taken.count
        defer { inBatch = 0 }
        number += 1
        var reservations: [Int: ReservationToken] = [:]
        for (index, waiter) in taken.enumerated() { reservations[index] = waiter.reservation }
        let batch = VoteBatch(
            writer: writer, number: number, requests: taken.map(\.request), reservations: reservations)
        guard let (verdicts, isSettled) = await decide(batch), verdicts.count == taken.count else {
            // Undecided: this writer's order can no longer be kept.
            self.writer = nil
            for waiter in taken { waiter.continuation.resume(returning: .failure(.unavailable)) }
            return
        }
        publish(verdicts, of: batch, isSettled: isSettled)
        for (waiter, verdict) in zip(taken, verdicts) {
            waiter.continuation.resume(
                returning: .success(Decision(verdict: verdict, writer: writer, number: batch.number)))
        }
    }

    /// The lane's writer, registered before its first batch.
    private func lane() async -> WriterID? {
        if let writer { return writer }
        let fresh: WriterID = ids.make()
        do {
            try await votes.register(fresh)
        } catch {
            logger.warning("votes: the database does not answer", metadata: ["reason": "\(error)"])
            let refused = waiting
            waiting = []
            for waiter in refused { waiter.continuation.resume(returning: .failure(.notTaken)) }
            return nil
        }
        writer = fresh
        number = 0
        changedNumber = 0
        return fresh
    }

    /// Nil when undecided; `isSettled` when the first answer was lost.
    private func decide(_ batch: VoteBatch) async -> (verdicts: [VoteVerdict], isSettled: Bool)? {
        do {
            return (try await votes.cast(batch, allowSelfVote: contest.allowSelfVote), false)
        } catch {
            // A refusal is an answer: nothing was written.
            if case .refused(let reason) = error {
                logger.error("votes: the database refuses a batch", metadata: ["reason": "\(reason)"])
                return nil
            }
            logger.warning("votes: a batch's answer was lost", metadata: ["reason": "\(error)"])
        }
        let giveUpAt = clock.now.advanced(by: Self.settleLimit)
        var backoff = Backoff(base: .milliseconds(50), maximum: .seconds(1), random: random)
        while clock.now < giveUpAt, !Task.isCancelled {
            do {
                return (try await votes.settle(batch, allowSelfVote: contest.allowSelfVote), true)
            } catch {
                do { try await clock.wait(backoff.next()) } catch { return nil }
            }
        }
        return nil
    }

    /// A settled batch is read from the feed: what its verdicts say may be less than what the batch changed, as an
    /// erasure may have taken votes back meanwhile, which the feed tells apart.
    private func publish(_ verdicts: [VoteVerdict], of batch: VoteBatch, isSettled: Bool) {
        var counts: [UserID: Int] = [:]
        for case .accepted(let player) in verdicts { counts[player, default: 0] += 1 }
        guard !counts.isEmpty else { return }
        if isSettled {
            rankings.lookAgain()
        } else {
            let changes = counts.keys.sorted().map { PlayerChange(player: $0, votes: counts[$0] ?? 0) }
            let delta = VoteDelta(writer: batch.writer, number: batch.number, changes: changes)
            rankings.ownDeltas.send(OwnDelta(delta: delta, previous: changedNumber))
        }
        changedNumber = batch.number
        announcing.raise()
    }

    /// Tells the other nodes, at most every 50 ms: a NOTIFY with each commit costs half the throughput.
    private func announce() async {
        for await _ in announcing.elements {
            // A hint only: a node that misses it looks within a second.
            do { try await feed.announce(.votes) } catch {
                logger.debug("votes not announced", metadata: ["reason": "\(error)"])
            }
            do { try await clock.wait(Self.announceInterval) } catch { return }
        }
    }
}
