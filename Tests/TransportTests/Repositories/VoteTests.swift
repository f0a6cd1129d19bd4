import Actors
import Testing
import Transport

extension Repositories {
    @Suite("Votes in SQL")
    struct VoteTests {
        @Test(
            "refusals come in order: unknown, not processed, own, already voted; the first of a pair wins",
            arguments: DatabaseService.allCases)
        func verdicts(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let (player, voter) = (try await database.makeUser().id, try await database.makeUser().id)
                let done = try await database.makeProcessedVideo(of: player)
                let other = try await database.makeProcessedVideo(of: player)
                let open = try await database.makeVideo(of: player)
                #expect(try await database.cast([.init(voter: voter, video: done)]) == [.accepted(player: player)])
                let requests = [
                    VoteRequest(voter: voter, video: done), VoteRequest(voter: voter, video: other),
                    VoteRequest(voter: voter, video: other), VoteRequest(voter: voter, video: database.id()),
                    VoteRequest(voter: player, video: open), VoteRequest(voter: player, video: done),
                    VoteRequest(voter: database.id(), video: done),
                ]
                let expected: [VoteVerdict] = [
                    .alreadyVoted, .accepted(player: player), .alreadyVoted, .unknownVideo, .notProcessed, .ownVideo,
                    .unknownVideo,
                ]
                #expect(try await database.cast(requests) == expected)
                #expect(try await database.recount() == [player: 2])
                #expect(try await database.cast([]).isEmpty)
            }
        }

        @Test("one may vote for oneself where the contest allows it", arguments: DatabaseService.allCases)
        func selfVote(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let player = try await database.makeUser().id
                let request = VoteRequest(voter: player, video: try await database.makeProcessedVideo(of: player))
                #expect(try await database.cast([request]) == [.ownVideo])
                #expect(try await database.cast([request], allowSelfVote: true) == [.accepted(player: player)])
                #expect(try await database.cast([request], allowSelfVote: true) == [.alreadyVoted])
            }
        }

        @Test("a batch of only refusals leaves no batch, and a full batch is one")
        func batches() async throws {
            try await withDatabase { database in
                let player = try await database.makeUser().id
                let video = try await database.makeProcessedVideo(of: player)
                _ = try await database.cast([.init(voter: player, video: video)])
                #expect(try await database.number("SELECT count(*) FROM vote_batches") == 0)
                let voters = try await database.makeVoters(VoteBatch.maximumSize)
                let verdicts = try await database.cast(voters.map { .init(voter: $0, video: video) })
                #expect(verdicts.allSatisfy { $0 == .accepted(player: player) } && verdicts.count == 1023)
                #expect(try await database.number("SELECT count(*) FROM vote_batches") == 1)
                #expect(
                    try await database.number("SELECT count(DISTINCT ticket) FROM votes WHERE ticket >> 10 = 1") == 1023
                )
            }
        }

        @Test("whether one has voted is known, and nil for an unknown video", arguments: DatabaseService.allCases)
        func hasVoted(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let voter = try await database.makeUser().id
                let video = try await database.makeProcessedVideo()
                #expect(try await database.votes.hasVoted(voter, for: video) == false)
                _ = try await database.cast([.init(voter: voter, video: video)])
                #expect(try await database.votes.hasVoted(voter, for: video) == true)
                #expect(try await database.votes.hasVoted(voter, for: database.id()) == nil)
                let players = try await database.votes.players([voter, database.id()])
                #expect(players.map(\.id) == [voter])
            }
        }

        @Test("writers with the same pairs in other orders do not deadlock, and each pair is accepted once")
        func overlappingWriters() async throws {
            try await withDatabase { database in
                let player = try await database.makeUser().id
                var pairs: [VoteRequest] = []
                let voters = try await database.makeVoters(100)
                for _ in 0..<3 {
                    let video = try await database.makeProcessedVideo(of: player)
                    pairs += voters.map { VoteRequest(voter: $0, video: video) }
                }
                let all = pairs
                let before = try await database.deadlocks()
                let accepted = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let writer = try await database.makeWriter()
                            var accepted = 0
                            for number in 1...8 {
                                let requests = Array(all.shuffled().prefix(120))
                                let batch = VoteBatch(writer: writer, number: Int64(number), requests: requests)
                                let verdicts = try await database.votes.cast(batch, allowSelfVote: false)
                                accepted += verdicts.filter { $0 == .accepted(player: player) }.count
                            }
                            return accepted
                        }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(try await database.number("SELECT count(*) FROM votes") == accepted)
                #expect(try await database.number("SELECT sum(d) FROM vote_batches, unnest(deltas) d") == accepted)
                #expect(try await database.deadlocks() == before)
            }
        }
    }
}

extension TestDatabase {
    fileprivate func deadlocks() async throws -> Int {
        try await number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    }
}
