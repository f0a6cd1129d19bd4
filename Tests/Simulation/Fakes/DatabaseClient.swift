import Actors
import FoundationEssentials

/// One process's connection to the database, as the repositories' ports.
package struct DatabaseClient: VideoRepository, UserRepository, VoteRepository, IdempotencyRepository,
    ChangeFeed
{
    private let database: FakeDatabase
    package let link: Link

    package init(_ database: FakeDatabase, _ node: SimulatedNode) {
        self.database = database
        link = Link(node, database.service)
    }

    /// One transaction that the trace does not tell: it only reads, or happens all the time.
    private func transaction<Value: Sendable>(_ effect: @escaping (FakeDatabase) -> Value)
        async throws(RepositoryError) -> Value
    {
        try Self.answer(await link.request { effect(database) })
    }

    /// One transaction, with what is told of it: its name, what it is about, and its answer.
    /// - Parameter of: the video whose state at that moment counts for the coverage.
    private func transaction<Value: Sendable>(
        _ name: StaticString, by actor: String, _ subject: UInt64, _ number: Int = 0, of video: VideoID? = nil,
        _ text: @autoclosure @escaping () -> String, _ effect: @escaping (FakeDatabase) -> Value
    ) async throws(RepositoryError) -> Value {
        let invariants = database.invariants
        let reply = await link.request {
            let state = video.map { database.state(of: $0) } ?? "-"
            let value = effect(database)
            let told = (value as? any Told)?.told ?? "done"
            invariants.coverage.reach(actor, state, "\(name) -> \(told)")
            link.simulation.record(name, subject, number, by: link.node, detail: "\(text()) -> \(told)")
            return value
        }
        switch reply {
        case .answer: break
        case .silence: invariants.coverage.reach(actor, "-", "\(name) -> no answer")
        case .cancelled: invariants.coverage.reach(actor, "-", "\(name) -> cancelled")
        }
        return try Self.answer(reply)
    }

    private static func answer<Value>(_ reply: Reply<Value>) throws(RepositoryError) -> Value {
        switch reply {
        case .answer(let value): return value
        case .silence: throw .unavailable("no answer")
        case .cancelled: throw .unavailable("cancelled")
        }
    }

    private func label(_ dispatch: Dispatch) -> String { database.invariants.label(dispatch) }
    private func text(_ batch: VoteBatch) -> String {
        "\(batch.number): " + batch.requests.map { database.text($0) }.joined(separator: ", ")
    }
    private func label(_ video: VideoID) -> String { database.invariants.label(video) }

    // MARK: - Idempotency keys

    package func reserve(_ key: IdempotencyKey, payload: String?, token: ReservationToken, hold: Duration)
        async throws(RepositoryError) -> ReservationVerdict
    {
        try await transaction("db.reserve", by: "IdempotencyKeys", token.word, 0, key.text) {
            $0.reserve(key, payload: payload, token: token, hold: hold)
        }
    }
    package func renew(_ token: ReservationToken, hold: Duration) async throws(RepositoryError) {
        try await transaction { $0.renew(token, hold: hold) }
    }
    package func remember(_ answer: AnswerOnce) async throws(RepositoryError) {
        try await transaction { $0.remember(answer) }
    }
    package func release(_ token: ReservationToken) async throws(RepositoryError) {
        try await transaction { $0.release(token) }
    }
    package func pruneKeys() async throws(RepositoryError) { try await transaction { $0.pruneKeys() } }

    // MARK: - Videos

    package func create(_ video: NewVideo, maximumPerPlayer: Int) async throws(RepositoryError) -> CreateVideoVerdict {
        try await transaction("db.create", by: "UploadCoordinator", video.id.word, 0, of: video.id, video.title) {
            $0.create(video, maximumPerPlayer: maximumPerPlayer)
        }
    }
    package func video(_ id: VideoID) async throws(RepositoryError) -> Video? {
        try await transaction { $0.video(id) }
    }
    package func delete(_ id: VideoID, by owner: UserID, requestID: String?) async throws(RepositoryError)
        -> DeleteVideoVerdict
    {
        try await transaction("db.delete", by: "UploadCoordinator", id.word, 0, of: id, label(id)) {
            $0.delete(id, by: owner)
        }
    }
    package func videos(of owner: UserID) async throws(RepositoryError) -> [Video] {
        try await transaction { $0.videos(of: owner) }
    }
    package func publicVideos(_ query: PublicVideoQuery) async throws(RepositoryError) -> PublicVideoPage {
        try await transaction { $0.publicVideos(query) }
    }
    package func orphans(among keys: [ObjectKey]) async throws(RepositoryError) -> [ObjectKey] {
        try await transaction("db.orphans", by: "Reconciler", 0, keys.count, "of \(keys.count)") {
            $0.orphans(among: keys)
        }
    }
    package func check() async throws(RepositoryError) { try await transaction { _ in } }

    // MARK: - Delivery

    package func claim(_ dispatch: Dispatch, token: LeaseToken, lease: Duration, node: NodeID)
        async throws(RepositoryError) -> ClaimVerdict
    {
        let verdict = try await transaction(
            "db.claim", by: "TranscodeAttempt", dispatch.video.word, dispatch.number, of: dispatch.video,
            label(dispatch)
        ) {
            $0.claim(dispatch, token: token, lease: lease, node: node)
        }
        if verdict == .obsolete { database.invariants.toldObsolete(dispatch, link.node) }
        return verdict
    }
    package func heartbeat(_ video: VideoID, token: LeaseToken, lease: Duration, progressPercent: Int)
        async throws(RepositoryError) -> GuardedWrite
    {
        try await transaction(
            "db.heartbeat", by: "TranscodeAttempt", video.word, progressPercent, of: video,
            "\(label(video)) \(progressPercent)%"
        ) {
            $0.heartbeat(video, token: token, lease: lease, progressPercent: progressPercent)
        }
    }
    package func commit(_ result: ProcessedResult, of video: VideoID, token: LeaseToken, newToken: LeaseToken)
        async throws(RepositoryError) -> GuardedWrite
    {
        try await transaction("db.commit", by: "TranscodeAttempt", video.word, 0, of: video, label(video)) {
            $0.commit(result, of: video, token: token, newToken: newToken)
        }
    }
    package func handBack(_ dispatch: Dispatch, token: LeaseToken?, newToken: LeaseToken, cause: String)
        async throws(RepositoryError) -> GuardedWrite
    {
        try await transaction(
            "db.handBack", by: "TranscodeAttempt", dispatch.video.word, dispatch.number, of: dispatch.video,
            "\(label(dispatch))\(token == nil ? " unclaimed" : "")"
        ) {
            $0.handBack(dispatch, token: token, newToken: newToken)
        }
    }
    package func recordFailure(
        of dispatch: Dispatch, token: LeaseToken, newToken: LeaseToken, reason: FailureReason, detail: String,
        maximumAttempts: Int, delay: Duration
    ) async throws(RepositoryError) -> OwnFailureVerdict {
        try await transaction(
            "db.recordFailure", by: "TranscodeAttempt", dispatch.video.word, dispatch.number, of: dispatch.video,
            label(dispatch)
        ) {
            $0.recordFailure(
                of: dispatch, token: token, newToken: newToken, reason: reason, maximumAttempts: maximumAttempts,
                delay: delay)
        }
    }
    package func reject(_ video: VideoID, token: LeaseToken, newToken: LeaseToken, reason: FailureReason)
        async throws(RepositoryError) -> GuardedWrite
    {
        try await transaction("db.reject", by: "TranscodeAttempt", video.word, 0, of: video, label(video)) {
            $0.reject(video, token: token, newToken: newToken, reason: reason)
        }
    }
    package func judge(deadLetter dispatch: Dispatch, newToken: LeaseToken, maximumClaims: Int)
        async throws(RepositoryError) -> DeadLetterVerdict
    {
        try await transaction(
            "db.judge", by: "Reconciler", dispatch.video.word, dispatch.number, of: dispatch.video, label(dispatch)
        ) {
            $0.judge(deadLetter: dispatch, newToken: newToken, maximumClaims: maximumClaims)
        }
    }
    package func redispatchLost(after: Duration, limit: Int, makeToken: @Sendable () -> LeaseToken)
        async throws(RepositoryError) -> Int
    {
        // The port may not keep the function: the tokens are made before the request, as many as could be needed.
        let tokens = (0..<min(limit, database.videos.count)).map { _ in makeToken() }
        return try await transaction { database in
            var unused = tokens[...]
            return database.redispatchLost(after: after, limit: tokens.count) { unused.removeFirst() }
        }
    }
    package func holdReconcilerLease(_ node: NodeID, for duration: Duration) async throws(RepositoryError) -> Date? {
        try await transaction { $0.holdReconcilerLease(node, for: duration) }
    }
    package func pruneEvents(olderThan age: Duration) async throws(RepositoryError) {
        try await transaction { _ in }
    }
    package func backlog() async throws(RepositoryError) -> Backlog { try await transaction { $0.backlog } }
    package func takeOutbox(limit: Int, holdFor duration: Duration) async throws(RepositoryError) -> [OutboxEntry] {
        try await transaction { database in
            let entries = database.takeOutbox(limit: limit, holdFor: duration)
            if !entries.isEmpty {
                link.simulation.record(
                    "db.takeOutbox", 0, entries.count, by: link.node, detail: "-> \(entries.count)")
            }
            return entries
        }
    }
    package func removeOutbox(_ ids: [Int64]) async throws(RepositoryError) {
        try await transaction("db.removeOutbox", by: "OutboxRelay", 0, ids.count, "\(ids)") { $0.removeOutbox(ids) }
    }

    // MARK: - Users

    package func create(_ user: NewUser) async throws(RepositoryError) -> CreateUserVerdict {
        try await transaction("db.create user", by: "AccountService", user.id.word, 0, user.usernameBase) {
            $0.create(user)
        }
    }
    package func account(email: EmailAddress) async throws(RepositoryError) -> Account? {
        try await transaction { $0.account(email: email) }
    }
    package func user(_ id: UserID) async throws(RepositoryError) -> User? {
        try await transaction { $0.users[id]?.user }
    }

    package func erase(_ id: UserID) async throws(RepositoryError) -> ErasedAccount? {
        try await transaction("db.erase user", by: "AccountService", id.word, 0, database.invariants.name(id)) {
            $0.eraseAccount(id)
        }
    }

    // MARK: - Votes

    package func register(_ writer: WriterID) async throws(RepositoryError) {
        try await transaction("db.register writer", by: "BallotBox", writer.word, 0, "") { $0.votes.register(writer) }
    }
    package func cast(_ batch: VoteBatch, allowSelfVote: Bool) async throws(RepositoryError) -> [VoteVerdict] {
        try await transaction("db.cast", by: "BallotBox", batch.writer.word, Int(batch.number), text(batch)) {
            $0.cast(batch, allowSelfVote: allowSelfVote)
        }
    }
    package func settle(_ batch: VoteBatch, allowSelfVote: Bool) async throws(RepositoryError) -> [VoteVerdict] {
        try await transaction("db.settle", by: "BallotBox", batch.writer.word, Int(batch.number), text(batch)) {
            $0.settle(batch, allowSelfVote: allowSelfVote)
        }
    }
    package func snapshot() async throws(RepositoryError) -> RankingSnapshot {
        try await transaction { $0.snapshot() }
    }
    package func deltas(after positions: FeedPositions, limitPerWriter: Int) async throws(RepositoryError) -> FeedPage {
        try await transaction { $0.votes.deltas(after: positions, limitPerWriter: limitPerWriter) }
    }
    package func players(_ ids: [UserID]) async throws(RepositoryError) -> [RankedPlayer] {
        try await transaction { database in ids.compactMap { database.player($0) } }
    }
    package func hasVoted(_ voter: UserID, for video: VideoID) async throws(RepositoryError) -> Bool? {
        try await transaction { $0.hasVoted(voter, for: video) }
    }
    package func pruneBatches(olderThan age: Duration) async throws(RepositoryError) {
        try await transaction { $0.votes.prune(before: $0.now - nanoseconds(age)) }
    }

    // MARK: - Announcements

    package func changes(on channel: ChangeChannel) -> AsyncStream<Void> {
        database.changes(on: channel, for: link.node)
    }
    package func announce(_ channel: ChangeChannel) async throws(RepositoryError) {
        try await transaction { $0.announce(channel) }
    }
}
