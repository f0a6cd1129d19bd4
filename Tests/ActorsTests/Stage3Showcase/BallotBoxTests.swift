import Actors
import Testing

struct BallotBoxTests {
    private typealias Ending = Outcome<VoteVerdict, VoteError>

    /// A ballot box with its ranking, over a repository that notes the batches.
    private struct Stage {
        let world = World()
        let batches = Box<[VoteBatch]>([])
        let writers = Box<[WriterID]>([])
        /// What the feed has.
        let deltas = Box<[VoteDelta]>([])
        let keys = KeysDouble()
        var votes = VotesDouble()
        var feed = FeedDouble()
        var contest = ContestPolicy()

        init() {
            let (batches, writers, deltas, keys) = (batches, writers, deltas, keys)
            votes.onDeltas = { positions in
                .deltas(deltas.value.filter { $0.number > positions[$0.writer, default: 0] }, more: false)
            }
            votes.onRegister = { writer in writers.change { $0.append(writer) } }
            votes.onCast = { batch in
                batches.change { $0.append(batch) }
                for token in batch.reservations.values { keys.keep(token, VoteVerdict.accepted(player: id(1)).text) }
                return batch.requests.map { _ in .accepted(player: id(1)) }
            }
        }

        func box() -> (box: BallotBox, ranking: RankingActor, run: Running<Void>) {
            let ranking = RankingActor(
                votes: votes, feed: FeedDouble(), clock: world.clock, random: SeededRandom(), logger: .quiet)
            let box = BallotBox(
                contest: contest, votes: votes, feed: feed, rankings: ranking,
                keys: .double(keys, in: world),
                ids: IdentifierSource(random: SeededRandom()), clock: world.clock, random: SeededRandom(),
                logger: .quiet)
            world.start { await ranking.run() }
            return (box, ranking, world.start { await box.run() })
        }

        func cast(_ box: BallotBox, voter: Int) -> Running<Ending> {
            world.start { await outcome { try await box.cast(VoteRequest(voter: id(voter), video: id(7))) } }
        }

        var sizes: [Int] { batches.value.map(\.requests.count) }
        var numbers: [Int64] { batches.value.map(\.number) }
    }

    @Test("a vote is answered once the ranking shows it")
    func shown() throws {
        let stage = Stage()
        let (box, ranking, _) = stage.box()
        let vote = stage.cast(box, voter: 1)
        #expect(vote.value == .returned(.accepted(player: id(1))))
        let total = try stage.world.value { await ranking.page(RankingQuery(city: nil, skip: 0, limit: 10)).total }
        #expect(total == 1)
        #expect(stage.writers.value.count == 1)
    }

    @Test("votes that come while a batch is being written make up the next one, in order")
    func batching() {
        var stage = Stage()
        let gate = Gate()
        stage.votes.onCast = { [batches = stage.batches] batch in
            batches.change { $0.append(batch) }
            await gate.pass()
            return batch.requests.map { _ in .alreadyVoted }
        }
        let (box, _, _) = stage.box()
        let votes = (1...6).map { stage.cast(box, voter: $0) }
        #expect(stage.sizes == [1])
        #expect(votes.allSatisfy { !$0.isOver })
        gate.open()
        stage.world.settle()
        #expect(stage.sizes == [1, 5])
        #expect(stage.numbers == [1, 2])
        #expect(stage.batches.value[1].requests.map(\.voter) == (2...6).map { id($0) })
        #expect(votes.allSatisfy { $0.value == .returned(.alreadyVoted) })
    }

    @Test("each voter gets the verdict of their own place")
    func verdicts() {
        var stage = Stage()
        let gate = Gate()
        stage.votes.onCast = { batch in
            await gate.pass()
            return batch.requests.map { request in
                switch request.voter {
                case id(2): .alreadyVoted
                case id(3): .unknownVideo
                case id(4): .ownVideo
                default: .notProcessed
                }
            }
        }
        let (box, _, _) = stage.box()
        let votes = (1...4).map { stage.cast(box, voter: $0) }
        gate.open()
        stage.world.settle()
        let expected: [VoteVerdict] = [.notProcessed, .alreadyVoted, .unknownVideo, .ownVideo]
        #expect(votes.map(\.value) == expected.map { .returned($0) })
    }

    @Test("votes beyond the bound are refused, those in the batch counted too")
    func full() {
        var stage = Stage()
        let gate = Gate()
        stage.contest.maximumWaitingVotes = 3
        stage.votes.onCast = { batch in
            await gate.pass()
            return batch.requests.map { _ in .alreadyVoted }
        }
        let (box, _, _) = stage.box()
        let votes = (1...3).map { stage.cast(box, voter: $0) }
        #expect(stage.cast(box, voter: 4).value == .threw(.full))
        gate.open()
        stage.world.settle()
        #expect(votes.allSatisfy { $0.value == .returned(.alreadyVoted) })
        #expect(stage.cast(box, voter: 5).value == .returned(.alreadyVoted))
    }

    @Test("a batch holds at most its maximum")
    func maximum() {
        var stage = Stage()
        let gate = Gate()
        stage.votes.onCast = { [batches = stage.batches] batch in
            batches.change { $0.append(batch) }
            await gate.pass()
            return batch.requests.map { _ in .alreadyVoted }
        }
        let (box, _, _) = stage.box()
        let votes = (0...VoteBatch.maximumSize + 1).map { stage.cast(box, voter: $0 + 1) }
        gate.open()
        stage.world.settle()
        #expect(stage.sizes == [1, VoteBatch.maximumSize, 1])
        #expect(votes.allSatisfy { $0.isOver })
    }

    @Test("a closed box decides what waits, takes nothing more, and ends")
    func close() {
        var stage = Stage()
        let gate = Gate()
        stage.votes.onCast = { batch in
            await gate.pass()
            return batch.requests.map { _ in .alreadyVoted }
        }
        let (box, _, run) = stage.box()
        let votes = (1...3).map { stage.cast(box, voter: $0) }
        stage.world.start { await box.close() }
        #expect(stage.cast(box, voter: 4).value == .threw(.notTaken))
        #expect(!run.isOver)
        gate.open()
        stage.world.settle()
        #expect(run.isOver)
        #expect(votes.allSatisfy { $0.value == .returned(.alreadyVoted) })
    }

    @Test("a cancelled box resumes each waiter, those in the batch and the rest")
    func cancelled() {
        var stage = Stage()
        let gate = Gate()
        stage.votes.onCast = { batch throws(RepositoryError) in
            if await gate.pass() { return batch.requests.map { _ in .alreadyVoted } }
            throw away
        }
        let (box, _, run) = stage.box()
        let votes = (1...3).map { stage.cast(box, voter: $0) }
        run.cancel()
        stage.world.settle()
        #expect(run.isOver)
        #expect(votes.map(\.value) == [.threw(.unavailable), .threw(.notTaken), .threw(.notTaken)])
        #expect(stage.cast(box, voter: 4).value == .threw(.notTaken))
    }

    @Test("a lost answer is settled with the same batch before the next number is used")
    func settles() {
        var stage = Stage()
        let journal = Journal()
        let settled = Replies<Result<[VoteVerdict], RepositoryError>>(
            .failure(away), .success([.accepted(player: id(1))]))
        stage.votes.onCast = { batch throws(RepositoryError) in
            await journal.note("cast \(batch.number)")
            if batch.number == 1 { throw away }
            return batch.requests.map { _ in .alreadyVoted }
        }
        stage.votes.onSettle = { [feed = stage.deltas] batch throws(RepositoryError) in
            await journal.note("settle \(batch.number) of \(batch.requests.count)")
            let verdicts = try settled.next().get()
            feed.change { $0.append(RankingStage.delta(batch.number, of: batch.writer)) }
            return verdicts
        }
        let (box, _, _) = stage.box()
        let votes = (1...3).map { stage.cast(box, voter: $0) }
        #expect(journal.entries == ["cast 1", "settle 1 of 1"])
        stage.world.advance(.seconds(1))
        #expect(journal.entries == ["cast 1", "settle 1 of 1", "settle 1 of 1", "cast 2"])
        #expect(votes[0].value == .returned(.accepted(player: id(1))))
        #expect(votes[1].value == .returned(.alreadyVoted))
        #expect(stage.writers.value.count == 1)
    }

    @Test("a settled batch counts as the feed has it: an erasure may have taken votes back before it was settled")
    func settledAfterErasure() throws {
        var stage = Stage()
        stage.votes.onCast = { _ throws(RepositoryError) in throw away }
        stage.votes.onSettle = { [feed = stage.deltas] batch in
            // Committed with two votes, one of whose voters was erased since.
            feed.set([
                RankingStage.delta(batch.number, of: batch.writer, votes: 2),
                RankingStage.delta(1, of: RankingStage.other, votes: -1),
            ])
            return [.accepted(player: id(1))]
        }
        let (box, ranking, _) = stage.box()
        let vote = stage.cast(box, voter: 1)
        stage.world.advance(.seconds(2))
        #expect(vote.value == .returned(.accepted(player: id(1))))
        let page = try stage.world.value { await ranking.page(RankingQuery(city: nil, skip: 0, limit: 10)) }
        #expect(String(decoding: page.body.bytes, as: UTF8.self).contains("\"votes\":1"))
    }

    @Test("a batch that is never decided fails its voters, and the lane goes on under another writer")
    func undecided() throws {
        var stage = Stage()
        let isAway = Box(true)
        let batches = stage.batches
        stage.votes.onCast = { batch throws(RepositoryError) in
            batches.change { $0.append(batch) }
            if isAway.value { throw away }
            return batch.requests.map { _ in .alreadyVoted }
        }
        stage.votes.onSettle = { _ throws(RepositoryError) in throw away }
        let (box, _, _) = stage.box()
        let vote = stage.cast(box, voter: 1)
        stage.world.advance(BallotBox.settleLimit - .milliseconds(500))
        #expect(!vote.isOver)
        stage.world.advance(.seconds(2))
        #expect(vote.value == .threw(.unavailable))
        isAway.set(false)
        #expect(stage.cast(box, voter: 2).value == .returned(.alreadyVoted))
        #expect(stage.writers.value.count == 2)
        #expect(stage.numbers == [1, 1])
        #expect(stage.batches.value[0].writer != stage.batches.value[1].writer)
    }

    @Test("voters are told at once when the lane cannot be opened")
    func noWriter() {
        var stage = Stage()
        let replies = Replies<Result<Void, RepositoryError>>(.failure(away), .success(()))
        stage.votes.onRegister = { _ throws(RepositoryError) in try replies.next().get() }
        let (box, _, _) = stage.box()
        #expect(stage.cast(box, voter: 1).value == .threw(.notTaken))
        #expect(stage.cast(box, voter: 2).value == .returned(.accepted(player: id(1))))
    }

    @Test("other nodes are told at most each 50 ms, and only of batches that changed anything")
    func announcements() {
        var stage = Stage()
        let told = Box(0)
        stage.feed.onAnnounce = { _ in told.change { $0 += 1 } }
        stage.votes.onCast = { batch in
            batch.requests.map { $0.voter == id(1) ? .alreadyVoted : .accepted(player: id(1)) }
        }
        let (box, _, _) = stage.box()
        _ = stage.cast(box, voter: 1)
        #expect(told.value == 0)
        for voter in 2...9 { _ = stage.cast(box, voter: voter) }
        #expect(told.value == 1)
        stage.world.advance(.milliseconds(49))
        #expect(told.value == 1)
        stage.world.advance(.milliseconds(1))
        #expect(told.value == 2)
        stage.world.advance(.seconds(1))
        #expect(told.value == 2)
    }

    @Test("a vote that comes again under its key gets the first verdict; for another video it is refused")
    func repeated() throws {
        let stage = Stage()
        let (box, _, _) = stage.box()
        let key = try #require(IdempotencyKey("k", of: id(1), route: .vote))
        func cast(_ video: Int) -> Ending? {
            stage.world.start {
                await outcome { try await box.cast(VoteRequest(voter: id(1), video: id(video)), under: key) }
            }.value
        }
        #expect(cast(7) == .returned(.accepted(player: id(1))))
        #expect(cast(7) == .returned(.accepted(player: id(1))))
        #expect(stage.sizes == [1])
        #expect(cast(8) == .threw(.keyReused))
    }
}
