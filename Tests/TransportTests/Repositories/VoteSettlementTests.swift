import Actors
import Testing
import Transport

extension Repositories {
    @Suite("A lost answer to a batch of votes")
    struct VoteSettlementTests {
        /// A batch of a vote, the same vote again, and a vote for an unknown video.
        private func makeBatch(_ database: any DomainDatabase) async throws -> (
            batch: VoteBatch, expected: [VoteVerdict]
        ) {
            let (player, voter) = (try await database.makeUser().id, try await database.makeUser().id)
            let video = try await database.makeProcessedVideo(of: player)
            let requests = [
                VoteRequest(voter: voter, video: video), VoteRequest(voter: voter, video: video),
                VoteRequest(voter: voter, video: database.id()),
            ]
            let batch = VoteBatch(writer: try await database.makeWriter(), number: 1, requests: requests)
            return (batch, [.accepted(player: player), .alreadyVoted, .unknownVideo])
        }

        @Test(
            "after a commit, settling finds the batch's own votes, however often", arguments: DatabaseService.allCases)
        func afterCommit(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let (batch, expected) = try await makeBatch(database)
                #expect(try await database.votes.cast(batch, allowSelfVote: false) == expected)
                for _ in 0..<2 {
                    #expect(try await database.votes.settle(batch, allowSelfVote: false) == expected)
                }
                #expect(try await database.recount().values.reduce(0, +) == 1)
                guard case .deltas(let deltas, false) = try await database.votes.deltas(after: [:], limitPerWriter: 9)
                else {
                    Issue.record("behind")
                    return
                }
                #expect(deltas.map(\.number) == [1])
            }
        }

        @Test("after a rollback, settling votes")
        func afterRollback() async throws {
            try await withDatabase { database in
                let (batch, expected) = try await makeBatch(database)
                try await database.atCommitOfBatches("RAISE 'no room' USING ERRCODE = '53100';")
                await #expect(throws: RepositoryError.unavailable("53100: no room")) {
                    try await database.votes.cast(batch, allowSelfVote: false)
                }
                try await database.sql("DROP TRIGGER at_commit ON vote_batches")
                #expect(try await database.votes.settle(batch, allowSelfVote: false) == expected)
                #expect(try await database.number("SELECT count(*) FROM vote_batches") == 1)
            }
        }

        @Test("settling waits for a first run that is still open, and finds its votes")
        func whileOpen() async throws {
            try await withDatabase { database in
                let (batch, expected) = try await makeBatch(database)
                try await database.atCommitOfBatches("PERFORM pg_advisory_xact_lock(7);")
                let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                try await withThrowingTaskGroup(of: [VoteVerdict].self) { group in
                    try await database.client.withTransaction { gate in
                        try await gate.execute(script: "SELECT pg_advisory_xact_lock(7)")
                        group.addTask { try await database.votes.cast(batch, allowSelfVote: false) }
                        try await eventually("the first run waits") { try await database.number(waiting) == 1 }
                        group.addTask { try await database.votes.settle(batch, allowSelfVote: false) }
                        try await eventually("the second waits for it") { try await database.number(waiting) == 2 }
                    }
                    for try await verdicts in group { #expect(verdicts == expected) }
                }
            }
        }

        @Test(
            "what was refused at the first run stays refused, even if it would be accepted by now",
            arguments: DatabaseService.allCases)
        func changedMeanwhile(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let (player, voter) = (try await database.makeUser().id, try await database.makeUser().id)
                let done = try await database.makeProcessedVideo(of: player)
                let open = try await database.makeVideo(of: player)
                let requests = [VoteRequest(voter: voter, video: open), VoteRequest(voter: voter, video: done)]
                let batch = VoteBatch(writer: try await database.makeWriter(), number: 1, requests: requests)
                let expected: [VoteVerdict] = [.notProcessed, .accepted(player: player)]
                #expect(try await database.votes.cast(batch, allowSelfVote: false) == expected)
                #expect(try await database.commit(open, try await database.claimed(open)) == .done)
                #expect(try await database.votes.settle(batch, allowSelfVote: false) == expected)
                // A caller that runs the batch again instead of settling learns the same.
                #expect(try await database.votes.cast(batch, allowSelfVote: false) == expected)
                #expect(try await database.recount().values.reduce(0, +) == 1)
            }
        }

        @Test("a vote of another batch is no ticket of this one", arguments: DatabaseService.allCases)
        func othersVote(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let (batch, _) = try await makeBatch(database)
                #expect(try await database.cast([batch.requests[0]]).count == 1)
                let verdicts = try await database.votes.settle(batch, allowSelfVote: false)
                #expect(verdicts == [.alreadyVoted, .alreadyVoted, .unknownVideo])
            }
        }
    }
}
