import Actors
import FoundationEssentials
import Synchronization

/// Answers as its closures say; what is not set answers in the most ordinary way.
struct VideosDouble: VideoRepository {
    typealias Failure = RepositoryError

    var onCreate: @Sendable (NewVideo) async throws(Failure) -> CreateVideoVerdict = { _ in .created }
    var onDelete: @Sendable (VideoID) async throws(Failure) -> DeleteVideoVerdict = { _ in .unknown }
    var onPublicVideos: @Sendable (PublicVideoQuery) async throws(Failure) -> PublicVideoPage = { _ in
        PublicVideoPage(videos: [], total: 0)
    }
    var onOrphans: @Sendable ([ObjectKey]) async throws(Failure) -> [ObjectKey] = { _ in [] }
    var onCheck: @Sendable () async throws(Failure) -> Void = {}
    var onClaim: @Sendable (Dispatch, LeaseToken) async throws(Failure) -> ClaimVerdict = { dispatch, token in
        .granted(
            ClaimedJob(
                dispatch: dispatch, token: token, original: original(of: dispatch.video), attempts: 0, waited: .zero))
    }
    var onHeartbeat: @Sendable (LeaseToken, Duration, Int) async throws(Failure) -> GuardedWrite = { _, _, _ in .done }
    var onCommit: @Sendable (ProcessedResult, LeaseToken) async throws(Failure) -> GuardedWrite = { _, _ in .done }
    var onHandBack: @Sendable (LeaseToken?) async throws(Failure) -> GuardedWrite = { _ in .done }
    var onRecordFailure: @Sendable (FailureReason, Duration) async throws(Failure) -> OwnFailureVerdict = { _, _ in
        .retried(attempts: 1)
    }
    var onReject: @Sendable (FailureReason) async throws(Failure) -> GuardedWrite = { _ in .done }
    var onJudge: @Sendable (Dispatch) async throws(Failure) -> DeadLetterVerdict = { _ in .keep }
    var onRedispatchLost: @Sendable () async throws(Failure) -> Int = { 0 }
    var onHoldReconcilerLease: @Sendable () async throws(Failure) -> Date? = { ManualWallClock().now }
    var onBacklog: @Sendable () async throws(Failure) -> Backlog = {
        Backlog(waiting: 0, inWork: 0, oldestUnfinished: nil, outbox: 0, oldestOutbox: nil, transcode: nil)
    }
    var onTakeOutbox: @Sendable (Int) async throws(Failure) -> [OutboxEntry] = { _ in [] }
    var onRemoveOutbox: @Sendable ([Int64]) async throws(Failure) -> Void = { _ in }

    func create(_ video: NewVideo, maximumPerPlayer: Int) async throws(Failure) -> CreateVideoVerdict {
        try await onCreate(video)
    }
    func video(_ id: VideoID) async throws(Failure) -> Video? { nil }
    func delete(_ id: VideoID, by owner: UserID, requestID: String?) async throws(Failure) -> DeleteVideoVerdict {
        try await onDelete(id)
    }
    func videos(of owner: UserID) async throws(Failure) -> [Video] { [] }
    func publicVideos(_ query: PublicVideoQuery) async throws(Failure) -> PublicVideoPage {
        try await onPublicVideos(query)
    }
    func orphans(among keys: [ObjectKey]) async throws(Failure) -> [ObjectKey] { try await onOrphans(keys) }
    func check() async throws(Failure) { try await onCheck() }
    func claim(_ dispatch: Dispatch, token: LeaseToken, lease: Duration, node: NodeID) async throws(Failure)
        -> ClaimVerdict
    { try await onClaim(dispatch, token) }
    func heartbeat(_ video: VideoID, token: LeaseToken, lease: Duration, progressPercent: Int)
        async throws(Failure) -> GuardedWrite
    { try await onHeartbeat(token, lease, progressPercent) }
    func commit(_ result: ProcessedResult, of video: VideoID, token: LeaseToken, newToken: LeaseToken)
        async throws(Failure) -> GuardedWrite
    { try await onCommit(result, token) }
    func handBack(_ dispatch: Dispatch, token: LeaseToken?, newToken: LeaseToken, cause: String) async throws(Failure)
        -> GuardedWrite
    { try await onHandBack(token) }
    func recordFailure(
        of dispatch: Dispatch, token: LeaseToken, newToken: LeaseToken, reason: FailureReason, detail: String,
        maximumAttempts: Int, delay: Duration
    ) async throws(Failure) -> OwnFailureVerdict { try await onRecordFailure(reason, delay) }
    func reject(_ video: VideoID, token: LeaseToken, newToken: LeaseToken, reason: FailureReason)
        async throws(Failure) -> GuardedWrite
    { try await onReject(reason) }
    func judge(deadLetter dispatch: Dispatch, newToken: LeaseToken, maximumClaims: Int) async throws(Failure)
        -> DeadLetterVerdict
    { try await onJudge(dispatch) }
    func redispatchLost(after: Duration, limit: Int, makeToken: @Sendable () -> LeaseToken)
        async throws(Failure) -> Int
    { try await onRedispatchLost() }
    func holdReconcilerLease(_ node: NodeID, for duration: Duration) async throws(Failure) -> Date? {
        try await onHoldReconcilerLease()
    }
    func backlog() async throws(Failure) -> Backlog { try await onBacklog() }
    func pruneEvents(olderThan age: Duration) async throws(Failure) {}
    func takeOutbox(limit: Int, holdFor duration: Duration) async throws(Failure) -> [OutboxEntry] {
        try await onTakeOutbox(limit)
    }
    func removeOutbox(_ ids: [Int64]) async throws(Failure) { try await onRemoveOutbox(ids) }
}

struct VotesDouble: VoteRepository {
    typealias Failure = RepositoryError

    var onRegister: @Sendable (WriterID) async throws(Failure) -> Void = { _ in }
    var onCast: @Sendable (VoteBatch) async throws(Failure) -> [VoteVerdict] = { batch in
        batch.requests.map { _ in .accepted(player: id(1)) }
    }
    var onSettle: @Sendable (VoteBatch) async throws(Failure) -> [VoteVerdict] = { batch in
        batch.requests.map { _ in .accepted(player: id(1)) }
    }
    var onSnapshot: @Sendable () async throws(Failure) -> RankingSnapshot = {
        RankingSnapshot(tallies: [], positions: [:])
    }
    var onDeltas: @Sendable (FeedPositions) async throws(Failure) -> FeedPage = { _ in .deltas([], more: false) }
    var onPlayers: @Sendable ([UserID]) async throws(Failure) -> [RankedPlayer] = { ids in
        ids.map { RankedPlayer(id: $0, username: "player \($0)", city: "Cali") }
    }
    var onPrune: @Sendable () async throws(Failure) -> Void = {}

    func register(_ writer: WriterID) async throws(Failure) { try await onRegister(writer) }
    func cast(_ batch: VoteBatch, allowSelfVote: Bool) async throws(Failure) -> [VoteVerdict] {
        try await onCast(batch)
    }
    func settle(_ batch: VoteBatch, allowSelfVote: Bool) async throws(Failure) -> [VoteVerdict] {
        try await onSettle(batch)
    }
    func snapshot() async throws(Failure) -> RankingSnapshot { try await onSnapshot() }
    func deltas(after positions: FeedPositions, limitPerWriter: Int) async throws(Failure) -> FeedPage {
        try await onDeltas(positions)
    }
    func players(_ ids: [UserID]) async throws(Failure) -> [RankedPlayer] { try await onPlayers(ids) }
    func hasVoted(_ voter: UserID, for video: VideoID) async throws(Failure) -> Bool? { nil }
    func pruneBatches(olderThan age: Duration) async throws(Failure) { try await onPrune() }
}

/// Remembers like the table, without time.
final class KeysDouble: IdempotencyRepository {
    typealias Failure = RepositoryError

    private struct Row {
        var token: ReservationToken
        var payload: String?
        var answer: String?
    }
    private let rows = Mutex<[IdempotencyKey: Row]>([:])

    func reserve(_ key: IdempotencyKey, payload: String?, token: ReservationToken, hold: Duration)
        async throws(Failure) -> ReservationVerdict
    {
        rows.withLock { rows in
            guard let row = rows[key] else {
                rows[key] = Row(token: token, payload: payload)
                return .reserved
            }
            guard let payload = row.payload, let answer = row.answer else { return .inProgress }
            return .answered(RememberedAnswer(payload: payload, answer: answer))
        }
    }
    func renew(_ token: ReservationToken, hold: Duration) async throws(Failure) {}
    func remember(_ answer: AnswerOnce) async throws(Failure) {
        keep(answer.token, answer.remembered.answer, answer.remembered.payload)
    }
    func keep(_ token: ReservationToken, _ answer: String, _ payload: String? = nil) {
        rows.withLock { rows in
            guard let key = rows.first(where: { $0.value.token == token })?.key else { return }
            rows[key]?.answer = answer
            if let payload { rows[key]?.payload = payload }
        }
    }
    func release(_ token: ReservationToken) async throws(Failure) {
        rows.withLock { rows in rows = rows.filter { $0.value.token != token || $0.value.answer != nil } }
    }
    func pruneKeys() async throws(Failure) {}
    var count: Int { rows.withLock { $0.count } }
}

/// Buckets in memory, without time.
final class ThrottleDouble: ThrottleRepository {
    typealias Failure = RepositoryError

    private let missing = Mutex<[String: Double]>([:])
    private let asked = Mutex(0)
    var questions: Int { asked.withLock { $0 } }

    func spent(_ buckets: [ThrottleBucket]) async throws(Failure) -> [Double] {
        asked.withLock { $0 += 1 }
        return missing.withLock { missing in buckets.map { missing[$0.key] ?? 0 } }
    }
    func spend(_ costs: [ThrottleBucket: Int]) async throws(Failure) {
        missing.withLock { missing in
            for (bucket, cost) in costs { missing[bucket.key, default: 0] += Double(cost) }
        }
    }
    func pruneBuckets() async throws(Failure) {}
}

extension IdempotencyKeys {
    static func double(_ keys: KeysDouble = KeysDouble(), in world: World) -> IdempotencyKeys {
        IdempotencyKeys(
            repository: keys, ids: IdentifierSource(random: SeededRandom(seed: 7)), clock: world.clock)
    }
}

/// Announces nothing by itself.
struct FeedDouble: ChangeFeed {
    var onAnnounce: @Sendable (ChangeChannel) async throws(RepositoryError) -> Void = { _ in }

    func changes(on channel: ChangeChannel) -> AsyncStream<Void> { AsyncStream { _ in } }
    func announce(_ channel: ChangeChannel) async throws(RepositoryError) { try await onAnnounce(channel) }
}
