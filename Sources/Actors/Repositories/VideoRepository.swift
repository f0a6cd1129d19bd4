import FoundationEssentials

/// All that is kept of videos. One method is one transaction.
package protocol VideoRepository: VideoCatalogRepository, DeliveryRepository, OutboxRepository {}

// MARK: - What people see

package struct NewVideo: Sendable, Equatable {
    package let id: VideoID
    package let owner: UserID
    package let title: String
    package let original: OriginalObject
    /// Of the upload's request, for logs and events.
    package let requestID: String?
    /// What is answered under an idempotency key once the row is there.
    package let answerOnce: AnswerOnce?

    package init(
        id: VideoID, owner: UserID, title: String, original: OriginalObject, requestID: String? = nil,
        answerOnce: AnswerOnce? = nil
    ) {
        self.id = id
        self.owner = owner
        self.title = title
        self.original = original
        self.requestID = requestID
        self.answerOnce = answerOnce
    }
}

package enum CreateVideoVerdict: Sendable, Equatable {
    /// Also for a repetition with the same id.
    case created
    case tooManyVideos(maximum: Int)
    /// The account was erased meanwhile.
    case unknownOwner
    /// The reservation of its idempotency key is another request's by now.
    case superseded
}

package enum DeleteVideoVerdict: Sendable, Equatable {
    /// The row is gone; these objects may be left of it.
    case deleted(objects: [ObjectKey])
    /// Open to votes: only its account's erasure removes it.
    case processed
    case notOwner
    /// Also for a repetition.
    case unknown
}

package enum PublicVideoSort: String, Sendable, CaseIterable {
    /// Newest first; equal times by id.
    case recent
    /// Most votes first; equal votes newest first.
    case votes
}

package struct PublicVideoQuery: Sendable, Hashable {
    /// Nil: every city.
    package var city: FoldedText?
    package var sort: PublicVideoSort
    /// From 0.
    package var skip: Int
    /// 1 to 100.
    package var limit: Int
    /// `PublicVideoPage.asOf` of the page that is read on from; nil: now.
    package var asOf: Int64?

    package init(city: FoldedText?, sort: PublicVideoSort, skip: Int, limit: Int, asOf: Int64? = nil) {
        self.city = city
        self.sort = sort
        self.skip = skip
        self.limit = limit
        self.asOf = asOf
    }
}

package struct PublicVideo: Sendable, Equatable {
    package let video: Video
    package let username: String
    package let city: String

    package init(video: Video, username: String, city: String) {
        self.video = video
        self.username = username
        self.city = city
    }
}

package struct PublicVideoPage: Sendable, Equatable {
    package let videos: [PublicVideo]
    /// Of the whole filter.
    package let total: Int
    /// The moment that order and total are of, in microseconds since 1970 by the database's clock: whoever reads on
    /// from there sees no video twice, however votes move meanwhile.
    package let asOf: Int64
    /// What was made of the page for clients.
    package let renderings = Renderings()

    package init(videos: [PublicVideo], total: Int, asOf: Int64 = 0) {
        self.videos = videos
        self.total = total
        self.asOf = asOf
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.videos == right.videos && left.total == right.total && left.asOf == right.asOf
    }
}

package protocol VideoCatalogRepository: Sendable {
    /// Row in state `uploaded`, dispatch 1, and its outbox entry; announces `.outbox`.
    func create(_ video: NewVideo, maximumPerPlayer: Int) async throws(RepositoryError) -> CreateVideoVerdict
    func video(_ id: VideoID) async throws(RepositoryError) -> Video?
    /// Removes a video that is not processed, whatever is under way with it; announces `.videos`, so that its worker
    /// stops.
    func delete(_ id: VideoID, by owner: UserID, requestID: String?) async throws(RepositoryError)
        -> DeleteVideoVerdict
    /// Oldest first; at most `contest.maxVideosPerPlayer` exist.
    func videos(of owner: UserID) async throws(RepositoryError) -> [Video]
    /// Processed videos only.
    func publicVideos(_ query: PublicVideoQuery) async throws(RepositoryError) -> PublicVideoPage
    /// Of the keys, those whose video has no row that needs them: objects to remove.
    func orphans(among keys: [ObjectKey]) async throws(RepositoryError) -> [ObjectKey]
    /// Whether the database answers.
    func check() async throws(RepositoryError)
    func backlog() async throws(RepositoryError) -> Backlog
}

/// How much accepted work waits, and how fast it goes.
package struct Backlog: Sendable, Equatable {
    /// Videos that no worker has in hand.
    package let waiting: Int
    /// Videos under a live lease.
    package let inWork: Int
    /// Since the upload, redrive or last claim of the unfinished video that waits longest; nil when all are finished.
    package let oldestUnfinished: Duration?
    /// Messages on their way to the queue.
    package let outbox: Int
    /// Since the longest waiting one of them was due; nil without any.
    package let oldestOutbox: Duration?
    /// From claim to commit, on the average of the last ones; nil when there was none yet.
    package let transcode: Duration?

    package init(
        waiting: Int, inWork: Int, oldestUnfinished: Duration?, outbox: Int, oldestOutbox: Duration?,
        transcode: Duration?
    ) {
        self.waiting = waiting
        self.inWork = inWork
        self.oldestUnfinished = oldestUnfinished
        self.outbox = outbox
        self.oldestOutbox = oldestOutbox
        self.transcode = transcode
    }
}

// MARK: - Delivery: the database is the truth, a message only says "look"

/// Which issue of a job a message speaks of. A row's dispatch only grows; older messages are void.
package struct Dispatch: Sendable, Hashable {
    package let video: VideoID
    /// From 1.
    package let number: Int

    package init(video: VideoID, number: Int) {
        self.video = video
        self.number = number
    }
}

/// What a worker needs to know of the job that it claimed.
package struct ClaimedJob: Sendable, Equatable {
    package let dispatch: Dispatch
    package let token: LeaseToken
    package let original: OriginalObject
    /// Own failures so far.
    package let attempts: Int
    /// How long after the row came to be this claim was granted.
    package let waited: Duration
    /// Of the upload's request.
    package let requestID: String?

    package init(
        dispatch: Dispatch, token: LeaseToken, original: OriginalObject, attempts: Int, waited: Duration,
        requestID: String? = nil
    ) {
        self.dispatch = dispatch
        self.token = token
        self.original = original
        self.attempts = attempts
        self.waited = waited
        self.requestID = requestID
    }
}

package enum ClaimVerdict: Sendable, Equatable {
    case granted(ClaimedJob)
    /// Another token's lease is live: leave the message alone.
    case leased
    /// Terminal, gone, or a newer dispatch exists: the message may be deleted.
    case obsolete
}

/// What the database said to a write that is guarded by a token or a dispatch.
package enum GuardedWrite: Sendable, Equatable {
    /// Also for a repetition: the row's token is the `newToken` of this very write.
    case done
    /// The guard did not match: the row is terminal, gone, or another's. The message may be deleted only if `obsolete`
    /// is what a new claim would say.
    case lost
}

package struct ProcessedResult: Sendable, Equatable {
    package let video: ObjectKey
    package let poster: ObjectKey
    package let duration: Duration
    package let sizeBytes: Int64

    package init(video: ObjectKey, poster: ObjectKey, duration: Duration, sizeBytes: Int64) {
        self.video = video
        self.poster = poster
        self.duration = duration
        self.sizeBytes = sizeBytes
    }
}

/// What an own failure of an attempt led to.
package enum OwnFailureVerdict: Sendable, Equatable {
    /// A new dispatch, sent after `delay`.
    case retried(attempts: Int)
    /// The third: the row is `failed`, a dead letter is in the outbox.
    case failed
    case lost
}

/// What the Reconciler is to do with a dead letter.
package enum DeadLetterVerdict: Sendable, Equatable {
    /// A live lease: look again later.
    case wait
    /// The row failed with this dispatch, by own failures or lost workers: the letter stays for the operator.
    case keep
    /// Processed, rejected as unusable, gone, newer, or just dispatched anew.
    case delete
    /// The row has just been failed with `workerLost`; the letter stays.
    case failed
}

/// Each write is one UPDATE guarded by *not terminal* and dispatch or token; all but heartbeat and progress replace the
/// token, so that repeating any of them is harmless.
package protocol DeliveryRepository: Sendable {
    /// Grants the dispatch when no lease is live, or when `token` is already the row's (a repeated claim); counts a
    /// claim unless repeated. `lease_until` becomes the database's now + `lease`.
    func claim(_ dispatch: Dispatch, token: LeaseToken, lease: Duration, node: NodeID) async throws(RepositoryError)
        -> ClaimVerdict
    /// `lease_until` becomes the database's now + `lease`, progress is written.
    func heartbeat(_ video: VideoID, token: LeaseToken, lease: Duration, progressPercent: Int)
        async throws(RepositoryError) -> GuardedWrite
    /// Row becomes `processed`.
    func commit(_ result: ProcessedResult, of video: VideoID, token: LeaseToken, newToken: LeaseToken)
        async throws(RepositoryError) -> GuardedWrite
    /// Dispatch + 1, claims 0, lease past, outbox entry; when the row's token is `token`, or, with a nil token, when the
    /// dispatch is unclaimed (no live lease). Announces `.outbox`. `cause` is for the event.
    func handBack(_ dispatch: Dispatch, token: LeaseToken?, newToken: LeaseToken, cause: String)
        async throws(RepositoryError) -> GuardedWrite
    /// Attempts + 1. Below `maximumAttempts`: a new dispatch whose message is sent after `delay`; else `failed` with
    /// `reason` and a dead letter through the outbox. `detail` is for the event.
    func recordFailure(
        of dispatch: Dispatch, token: LeaseToken, newToken: LeaseToken, reason: FailureReason, detail: String,
        maximumAttempts: Int, delay: Duration
    ) async throws(RepositoryError) -> OwnFailureVerdict
    /// Row becomes `failed` with the reason: the clip itself is to blame, no retry can help.
    func reject(_ video: VideoID, token: LeaseToken, newToken: LeaseToken, reason: FailureReason)
        async throws(RepositoryError) -> GuardedWrite
    /// Decides about a dead letter: three claims of one dispatch that ended without a word fail the row, fewer lead to
    /// a new dispatch.
    func judge(deadLetter dispatch: Dispatch, newToken: LeaseToken, maximumClaims: Int) async throws(RepositoryError)
        -> DeadLetterVerdict
    /// A new dispatch for every non-terminal row without a live lease, without an outbox entry, and without a dispatch
    /// or claim for `after` (doubled for each such re-dispatch since the last claim), at most `limit` rows.
    /// - Returns: how many.
    func redispatchLost(after: Duration, limit: Int, makeToken: @Sendable () -> LeaseToken)
        async throws(RepositoryError) -> Int
    /// Takes or keeps the one Reconciler's lease row for `duration`.
    /// - Returns: the database's time; nil while another node holds it.
    func holdReconcilerLease(_ node: NodeID, for duration: Duration) async throws(RepositoryError) -> Date?
    /// Removes events older than `age`.
    func pruneEvents(olderThan age: Duration) async throws(RepositoryError)
}

// MARK: - Outbox

package enum OutboxDestination: String, Sendable, Equatable {
    case jobs, deadLetters
}

package struct OutboxEntry: Sendable, Equatable {
    package let id: Int64
    package let destination: OutboxDestination
    package let dispatch: Dispatch
    /// How long after sending the message may first be seen; what is left of it now.
    package let delay: Duration
    /// Of the upload's request.
    package let requestID: String?

    package init(
        id: Int64, destination: OutboxDestination, dispatch: Dispatch, delay: Duration, requestID: String? = nil
    ) {
        self.id = id
        self.destination = destination
        self.dispatch = dispatch
        self.delay = delay
        self.requestID = requestID
    }
}

package protocol OutboxRepository: Sendable {
    /// Up to `limit` entries that no relay holds, oldest first, now held for `duration`: a relay that dies leaves them
    /// to another after that.
    func takeOutbox(limit: Int, holdFor duration: Duration) async throws(RepositoryError) -> [OutboxEntry]
    /// After they were sent.
    func removeOutbox(_ ids: [Int64]) async throws(RepositoryError)
}
