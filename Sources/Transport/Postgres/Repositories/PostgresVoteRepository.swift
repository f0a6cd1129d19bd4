import Actors

/// Votes, and the batches that ranking readers follow. See `VoteStatements` for what each statement rests on.
package struct PostgresVoteRepository: VoteRepository {
    /// For the count of all votes at start-up: about 0.2 s of CPU a million.
    static let snapshotDeadline: Duration = .seconds(120)

    let database: PostgresDatabase

    package init(client: PostgresClient) {
        database = PostgresDatabase(client: client)
    }

    package func register(_ writer: WriterID) async throws(RepositoryError) {
        try await database.query(VoteStatements.register, [.id(writer)]) { _ in }
    }

    package func cast(_ batch: VoteBatch, allowSelfVote: Bool) async throws(RepositoryError) -> [VoteVerdict] {
        guard !batch.requests.isEmpty else { return [] }
        guard let verdicts = try await run(batch, allowSelfVote: allowSelfVote) else {
            return try await outcome(of: batch, allowSelfVote: allowSelfVote)
        }
        return verdicts
    }

    package func settle(_ batch: VoteBatch, allowSelfVote: Bool) async throws(RepositoryError) -> [VoteVerdict] {
        guard !batch.requests.isEmpty else { return [] }
        // Waits for a first run that is still open. If that was committed, this one answers "already voted" to all, or
        // is refused: only the tickets tell, and only to a later statement.
        _ = try await run(batch, allowSelfVote: allowSelfVote)
        return try await outcome(of: batch, allowSelfVote: allowSelfVote)
    }

    /// Nil when the batch's number was committed before.
    private func run(_ batch: VoteBatch, allowSelfVote: Bool) async throws(RepositoryError) -> [VoteVerdict]? {
        // A writer that was idle for so long that pruning removed it registers again; once, as it is not idle then.
        for _ in 0..<2 {
            do throws(PostgresError) {
                let rows = try await database.rows(
                    VoteStatements.cast, Self.parameters(batch, allowSelfVote: allowSelfVote))
                if let verdicts = try Self.verdicts(rows, of: batch) { return verdicts }
            } catch {
                if error.violatesUniqueness(of: "vote_batches_pkey") { return nil }
                throw RepositoryError(error)
            }
            try await register(batch.writer)
        }
        throw .refused("the writer \(batch.writer) does not stay registered")
    }

    private func outcome(of batch: VoteBatch, allowSelfVote: Bool) async throws(RepositoryError) -> [VoteVerdict] {
        let parameters = Self.parameters(batch, allowSelfVote: allowSelfVote)
        return try await database.query(VoteStatements.outcome, parameters) { rows throws(PostgresError) in
            var verdicts = [VoteVerdict](repeating: .alreadyVoted, count: batch.requests.count)
            for row in rows { try Self.note(row, in: &verdicts) }
            return verdicts
        }
    }

    private static func parameters(_ batch: VoteBatch, allowSelfVote: Bool) -> [PostgresValue] {
        let reservations = batch.reservations.sorted { $0.key < $1.key }
        return [
            .id(batch.writer), .int64(batch.number), .ids(batch.requests.map(\.voter)),
            .ids(batch.requests.map(\.video)), .bool(allowSelfVote),
            .int32Array(reservations.map { Int32($0.key + 1) }), .ids(reservations.map(\.value)),
        ]
    }

    /// Nil when the writer is unknown: then nothing was written.
    private static func verdicts(_ rows: PostgresRows, of batch: VoteBatch) throws(PostgresError) -> [VoteVerdict]? {
        var verdicts = [VoteVerdict](repeating: .alreadyVoted, count: batch.requests.count)
        var isRegistered = false
        for row in rows {
            if try row.int64(0) == 0 { isRegistered = true } else { try note(row, in: &verdicts) }
        }
        return isRegistered ? verdicts : nil
    }

    /// A row is a request's place from 1, the code of its verdict, and the player voted for.
    private static func note(_ row: PostgresRow, in verdicts: inout [VoteVerdict]) throws(PostgresError) {
        let index = try row.count(0) - 1
        guard verdicts.indices.contains(index) else { throw .decoding(column: 0, reason: "no place in the batch") }
        switch try row.int32(1) {
        case 1: verdicts[index] = .unknownVideo
        case 2: verdicts[index] = .notProcessed
        case 3: verdicts[index] = .ownVideo
        case 4: verdicts[index] = .accepted(player: try row.id(2))
        case 6: verdicts[index] = .superseded
        default: verdicts[index] = .alreadyVoted
        }
    }
}
