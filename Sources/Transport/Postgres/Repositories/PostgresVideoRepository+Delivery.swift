import Actors
import FoundationEssentials

extension PostgresVideoRepository {
    package func claim(_ dispatch: Dispatch, token: LeaseToken, lease: Duration, node: NodeID)
        async throws(RepositoryError) -> ClaimVerdict
    {
        let parameters: [PostgresValue] = [
            .id(dispatch.video), .count(dispatch.number), .id(token), .microseconds(lease), .id(node),
        ]
        return try await database.query(DeliveryStatements.claim, parameters) { rows throws(PostgresError) in
            guard let row = rows.first else { return .obsolete }
            guard try row.int32(0) == 0 else { return try row.int32(0) == 1 ? .leased : .obsolete }
            return .granted(
                ClaimedJob(
                    dispatch: dispatch, token: token, original: try row.originalObject(at: 1),
                    attempts: try row.count(6), waited: .microseconds(try row.int64(7)),
                    requestID: try row.optionalText(8)))
        }
    }

    package func heartbeat(_ video: VideoID, token: LeaseToken, lease: Duration, progressPercent: Int)
        async throws(RepositoryError) -> GuardedWrite
    {
        try await guardedWrite(
            DeliveryStatements.heartbeat, [.id(video), .id(token), .microseconds(lease), .count(progressPercent)])
    }

    package func commit(_ result: ProcessedResult, of video: VideoID, token: LeaseToken, newToken: LeaseToken)
        async throws(RepositoryError) -> GuardedWrite
    {
        try await guardedWrite(
            DeliveryStatements.commit,
            [
                .id(video), .id(token), .id(newToken), .text(result.video.name), .text(result.poster.name),
                .milliseconds(result.duration), .int64(result.sizeBytes), .id(node),
            ])
    }

    package func handBack(_ dispatch: Dispatch, token: LeaseToken?, newToken: LeaseToken, cause: String)
        async throws(RepositoryError) -> GuardedWrite
    {
        try await guardedWrite(
            DeliveryStatements.handBack,
            [
                .id(dispatch.video), .count(dispatch.number), .id(token), .id(newToken), .text(cause), .id(node),
            ])
    }

    package func recordFailure(
        of dispatch: Dispatch, token: LeaseToken, newToken: LeaseToken, reason: FailureReason, detail: String,
        maximumAttempts: Int, delay: Duration
    ) async throws(RepositoryError) -> OwnFailureVerdict {
        let parameters: [PostgresValue] = [
            .id(dispatch.video), .count(dispatch.number), .id(token), .id(newToken), .count(maximumAttempts),
            .text(reason.code.rawValue), .text(reason.spanish), .text(reason.english), .microseconds(delay),
            .text(detail), .id(node),
        ]
        return try await database.query(DeliveryStatements.ownFailure, parameters) { rows throws(PostgresError) in
            guard let row = rows.first else { return .lost }
            return try row.int32(0) == 3 ? .failed : .retried(attempts: try row.count(1))
        }
    }

    package func reject(_ video: VideoID, token: LeaseToken, newToken: LeaseToken, reason: FailureReason)
        async throws(RepositoryError) -> GuardedWrite
    {
        try await guardedWrite(
            DeliveryStatements.reject,
            [
                .id(video), .id(token), .id(newToken), .text(reason.code.rawValue), .text(reason.spanish),
                .text(reason.english), .id(node),
            ])
    }

    package func judge(deadLetter dispatch: Dispatch, newToken: LeaseToken, maximumClaims: Int)
        async throws(RepositoryError) -> DeadLetterVerdict
    {
        let reason = FailureReason.workerLost
        let parameters: [PostgresValue] = [
            .id(dispatch.video), .count(dispatch.number), .id(newToken), .count(maximumClaims),
            .text(reason.code.rawValue), .text(reason.spanish), .text(reason.english), .id(node),
        ]
        return try await database.query(DeliveryStatements.judge, parameters) { rows throws(PostgresError) in
            guard let row = rows.first else { return .delete }
            switch try row.int32(0) {
            case 0: return .wait
            case 1: return .keep
            case 2: return .delete
            default: return .failed
            }
        }
    }

    package func redispatchLost(after: Duration, limit: Int, makeToken: @Sendable () -> LeaseToken)
        async throws(RepositoryError) -> Int
    {
        let tokens = (0..<limit).map { _ in makeToken() }
        let parameters: [PostgresValue] = [.microseconds(after), .int64(Int64(limit)), .ids(tokens), .id(node)]
        return try await database.query(DeliveryStatements.redispatch, parameters) { rows throws(PostgresError) in
            try rows[0].count(0)
        }
    }

    package func pruneEvents(olderThan age: Duration) async throws(RepositoryError) {
        try await database.query(DeliveryStatements.pruneEvents, [.microseconds(age)]) { _ in }
    }

    package func holdReconcilerLease(_ node: NodeID, for duration: Duration) async throws(RepositoryError) -> Date? {
        try await database.query(DeliveryStatements.holdLease, [.id(node), .microseconds(duration)]) {
            rows throws(PostgresError) in try rows.first?.date(0)
        }
    }

    /// Runs a statement that returns a row when its guard matched.
    private func guardedWrite(_ statement: PostgresStatement, _ parameters: [PostgresValue])
        async throws(RepositoryError) -> GuardedWrite
    {
        try await database.query(statement, parameters) { rows throws(PostgresError) in rows.isEmpty ? .lost : .done }
    }
}
