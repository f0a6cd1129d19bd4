import Actors

extension PostgresVoteRepository {
    package func snapshot() async throws(RepositoryError) -> RankingSnapshot {
        try await database.transaction(.repeatableRead) { transaction in
            let tallyRows = try await transaction.query(VoteStatements.tallies, deadline: Self.snapshotDeadline)
            var tallies: [PlayerTally] = []
            tallies.reserveCapacity(tallyRows.count)
            for row in tallyRows {
                tallies.append(PlayerTally(player: try Self.player(row), votes: try row.count(3)))
            }
            var positions: FeedPositions = [:]
            for row in try await transaction.query(VoteStatements.positions) {
                positions[try row.id(0)] = try row.int64(1)
            }
            return RankingSnapshot(tallies: tallies, positions: positions)
        }
    }

    package func deltas(after positions: FeedPositions, limitPerWriter: Int) async throws(RepositoryError) -> FeedPage {
        let known = positions.sorted { $0.key < $1.key }
        // One more than asked for tells whether the limit cut anything.
        let parameters: [PostgresValue] = [
            .ids(known.map(\.key)), .int64Array(known.map(\.value)), .int64(Int64(limitPerWriter) + 1),
        ]
        return try await database.query(VoteStatements.deltas, parameters) { rows throws(PostgresError) in
            try Self.page(rows, limitPerWriter: limitPerWriter)
        }
    }

    private static func page(_ rows: PostgresRows, limitPerWriter: Int) throws(PostgresError) -> FeedPage {
        var deltas: [VoteDelta] = []
        var more = false
        var ofWriter = 0
        for row in rows {
            if try row.bool(1) { return .behind }
            let writer: WriterID = try row.id(0)
            ofWriter = deltas.last?.writer == writer ? ofWriter + 1 : 1
            guard ofWriter <= limitPerWriter else {
                more = true
                continue
            }
            var changes: [PlayerChange] = []
            for (player, votes) in zip(try row.uuidArray(3), try row.int32Array(4)) {
                changes.append(PlayerChange(player: UserID(player), votes: Int(votes)))
            }
            deltas.append(VoteDelta(writer: writer, number: try row.int64(2), changes: changes))
        }
        return .deltas(deltas, more: more)
    }

    package func players(_ ids: [UserID]) async throws(RepositoryError) -> [RankedPlayer] {
        guard !ids.isEmpty else { return [] }
        return try await database.query(VoteStatements.players, [.ids(ids)]) { rows throws(PostgresError) in
            var players: [RankedPlayer] = []
            for row in rows { players.append(try Self.player(row)) }
            return players
        }
    }

    package func hasVoted(_ voter: UserID, for video: VideoID) async throws(RepositoryError) -> Bool? {
        try await database.query(VoteStatements.hasVoted, [.id(voter), .id(video)]) { rows throws(PostgresError) in
            try rows.first?.bool(0)
        }
    }

    /// Of writers, those go whose last batch was pruned `age` ago. Until then their floor tells readers what they
    /// missed; afterwards the feed's own writer does.
    package func pruneBatches(olderThan age: Duration) async throws(RepositoryError) {
        try await database.transaction { transaction in
            try await transaction.query(VoteStatements.mark)
            try await transaction.query(VoteStatements.prune, [.microseconds(age)])
            let idle = try await transaction.query(VoteStatements.lockIdle, [.microseconds(age)])
            var ids: [WriterID] = []
            for row in idle { ids.append(try row.id(0)) }
            try await transaction.query(VoteStatements.removeIdle, [.ids(ids)])
        }
    }

    private static func player(_ row: PostgresRow) throws(PostgresError) -> RankedPlayer {
        RankedPlayer(id: try row.id(0), username: try row.text(1), city: try row.text(2))
    }
}
