import Actors
import Testing
import Transport

extension Repositories {
    @Suite("The feed of votes in SQL")
    struct VoteFeedTests {
        /// A reader as the RankingActor is one.
        private struct Reader {
            var tallies: [UserID: Int]
            var positions: FeedPositions

            init(_ snapshot: RankingSnapshot) {
                tallies = snapshot.tallies.reduce(into: [:]) { $0[$1.player.id] = $1.votes }
                positions = snapshot.positions
            }

            /// - Returns: false when it has to load a snapshot anew.
            mutating func poll(_ votes: any VoteRepository, limit: Int = 5) async throws -> Bool {
                while true {
                    guard
                        case .deltas(let deltas, let more) = try await votes.deltas(
                            after: positions, limitPerWriter: limit)
                    else { return false }
                    for delta in deltas {
                        #expect(delta.number > positions[delta.writer, default: 0])
                        positions[delta.writer] = delta.number
                        for change in delta.changes { tallies[change.player, default: 0] += change.votes }
                    }
                    if !more { return true }
                }
            }
        }

        @Test("readers of writers that commit late and fail now and then miss nothing, whenever they started")
        func exactness() async throws {
            try await withDatabase(poolSize: 10) { database in
                let players = try await database.makeVoters(5)
                var videos: [VideoID] = []
                for player in players { videos.append(try await database.makeProcessedVideo(of: player)) }
                let voters = try await database.makeVoters(200)
                let targets = videos
                try await database.atCommitOfBatches(
                    """
                    IF random() < 0.1 THEN RAISE 'rolled back' USING ERRCODE = '53000'; END IF;
                    PERFORM pg_sleep(random() * 0.02);
                    """)
                let readers = try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let writer = try await database.makeWriter()
                            for number in 1...20 {
                                let requests = (0..<20).compactMap { _ -> VoteRequest? in
                                    guard let voter = voters.randomElement(), let video = targets.randomElement() else {
                                        return nil
                                    }
                                    return VoteRequest(voter: voter, video: video)
                                }
                                let batch = VoteBatch(writer: writer, number: Int64(number), requests: requests)
                                try await database.castUntilSettled(batch)
                            }
                        }
                    }
                    var readers: [Reader] = []
                    for round in 0..<40 {
                        if round % 8 == 0 { readers.append(Reader(try await database.votes.snapshot())) }
                        for index in readers.indices { #expect(try await readers[index].poll(database.votes)) }
                    }
                    try await group.waitForAll()
                    return readers
                }
                let expected = try await database.recount()
                for var reader in readers {
                    #expect(try await reader.poll(database.votes))
                    #expect(reader.tallies == expected)
                }
                let total = try await database.number("SELECT count(*) FROM votes")
                #expect(expected.values.reduce(0, +) == total && total > 0)
            }
        }

        @Test("a limit cuts each writer's batches, and says so", arguments: DatabaseService.allCases)
        func limit(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeProcessedVideo()
                let writer = try await database.makeWriter()
                for (index, voter) in try await database.makeVoters(3).enumerated() {
                    let batch = VoteBatch(
                        writer: writer, number: Int64(index + 1), requests: [.init(voter: voter, video: video)])
                    _ = try await database.votes.cast(batch, allowSelfVote: false)
                }
                let page = { (position: Int64, limit: Int) -> ([Int64], Bool) in
                    let page = try await database.votes.deltas(after: [writer: position], limitPerWriter: limit)
                    guard case .deltas(let deltas, let more) = page else { return ([], false) }
                    return (deltas.map(\.number), more)
                }
                #expect(try await page(0, 2) == ([1, 2], true))
                #expect(try await page(2, 2) == ([3], false))
                #expect(try await page(0, 3) == ([1, 2, 3], false))
                // A writer that the reader has not heard of starts at 0.
                guard case .deltas(let all, false) = try await database.votes.deltas(after: [:], limitPerWriter: 9)
                else {
                    Issue.record("behind")
                    return
                }
                #expect(all.map(\.number) == [1, 2, 3])
            }
        }

        @Test(
            "who reads on is not disturbed by pruning; who is behind it loads anew", arguments: DatabaseService.allCases
        )
        func pruning(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let video = try await database.makeProcessedVideo()
                let writer = try await database.makeWriter()
                let voters = try await database.makeVoters(4)
                let cast = { (number: Int) in
                    let request = VoteRequest(voter: voters[number - 1], video: video)
                    let batch = VoteBatch(writer: writer, number: Int64(number), requests: [request])
                    _ = try await database.votes.cast(batch, allowSelfVote: false)
                }
                var asleep = Reader(try await database.votes.snapshot())
                var awake = asleep
                // A number that a refused batch used up is no gap.
                try await cast(2)
                try await database.elapse(.seconds(200))
                #expect(try await awake.poll(database.votes))
                try await cast(3)
                try await database.votes.pruneBatches(olderThan: .seconds(100))
                #expect(try await !asleep.poll(database.votes))
                #expect(try await awake.poll(database.votes))
                #expect(try await awake.tallies == database.recount())
                asleep = Reader(try await database.votes.snapshot())
                try await cast(4)
                for var reader in [asleep, awake] {
                    #expect(try await reader.poll(database.votes))
                    #expect(try await reader.tallies == database.recount())
                }
            }
        }

        @Test(
            "who slept until the writers themselves were removed loads anew; an idle writer votes on",
            arguments: DatabaseService.allCases)
        func removedWriters(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let player = try await database.makeUser().id
                let video = try await database.makeProcessedVideo(of: player)
                let voters = try await database.makeVoters(2)
                var asleep = Reader(try await database.votes.snapshot())
                let writer = try await database.makeWriter()
                let batches = voters.enumerated().map { index, voter in
                    VoteBatch(writer: writer, number: Int64(index + 1), requests: [.init(voter: voter, video: video)])
                }
                _ = try await database.votes.cast(batches[0], allowSelfVote: false)
                var awake = Reader(try await database.votes.snapshot())
                for _ in 0..<2 {
                    try await database.elapse(.seconds(200))
                    try await database.votes.pruneBatches(olderThan: .seconds(100))
                    #expect(try await awake.poll(database.votes))
                }
                #expect(try await !asleep.poll(database.votes))
                let verdicts = try await database.votes.cast(batches[1], allowSelfVote: false)
                #expect(verdicts == [.accepted(player: player)])
                #expect(try await awake.poll(database.votes))
                #expect(awake.tallies == [player: 2])
            }
        }
    }
}

extension TestDatabase {
    fileprivate func castUntilSettled(_ batch: VoteBatch) async throws {
        do {
            _ = try await votes.cast(batch, allowSelfVote: false)
            return
        } catch RepositoryError.unavailable {}
        while true {
            do {
                _ = try await votes.settle(batch, allowSelfVote: false)
                return
            } catch RepositoryError.unavailable {}
        }
    }
}
