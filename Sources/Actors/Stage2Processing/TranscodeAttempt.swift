import Logging

/// What an attempt works with; made once by the supervisor.
struct AttemptContext: Sendable {
    let settings: WorkerSettings
    let node: NodeID
    let queue: any JobQueue
    let videos: any VideoRepository
    let gateway: S3Gateway
    let transcoder: any Transcoder
    let workspaces: any Workspaces
    let metrics: MetricMailbox
    let ids: IdentifierSource
    let clock: any NodeClock
    let random: any RandomSource
    let logger: Logger
}

/// Why the work on a claimed job ended.
enum AttemptOutcome: Sendable, Equatable {
    case committed
    /// The clip is to blame.
    case unusable(FailureReason)
    /// The attempt is to blame: retried, up to `maximumAttempts`.
    case failed(FailureReason, detail: String)
    /// Neither is: store away, drain, database silent. Handed back as a new dispatch.
    case interrupted(String)
    /// The database refused the token: deleted, or another's.
    case lost
}

/// One delivery from claim to the message's deletion.
///
/// Owns the lease of one job and the token it is fenced with. Child tasks race: the work, the heartbeat, the lease's
/// end, the supervisor's order to stop and the deadline; the first to end decides, the others are cancelled and awaited.
/// What the database must be told afterwards is told from this task, which nobody cancels while the node lives.
actor TranscodeAttempt {
    let delivery: Delivery
    let dispatch: Dispatch
    let context: AttemptContext
    /// Made by the worker for this receive: a claim whose answer was lost is recognised by it.
    let token: LeaseToken
    /// What the row's token becomes by this attempt's commit; repeating that write is recognised by it.
    let commitToken: LeaseToken
    /// The same for any other last write: a hand-back must not find its own token in a row that was committed.
    let finalToken: LeaseToken
    private var lease: LeaseTimeline
    private var percent = 0
    private var working = false
    private var committing = false
    /// The transcoder has what it needs and works: until then the clip has had no chance.
    private var hasBegun = false
    /// A reason to hand the job back, or nil when it is no longer this attempt's.
    private nonisolated let orders = Mailbox<String?>("stop orders", capacity: 1)
    /// Set once the supervisor wants the slot back: writes that follow are tried for a bounded time only.
    var giveUpAt: MonotonicInstant?
    var logger: Logger

    /// After an order to stop, the hand-back is tried for this long.
    static let handBackLimit: Duration = .seconds(3)
    static let pauseAfterInterruption: Duration = .seconds(5)
    /// Between two looks whether a call to the database is still worth waiting for.
    static let lookInterval: Duration = .seconds(1)

    init(delivery: Delivery, dispatch: Dispatch, context: AttemptContext) {
        self.delivery = delivery
        self.dispatch = dispatch
        self.context = context
        self.token = context.ids.make()
        self.commitToken = context.ids.make()
        self.finalToken = context.ids.make()
        self.lease = LeaseTimeline(visibility: context.settings.lease, receivedAt: delivery.receivedAt)
        self.logger = context.logger
        self.logger[metadataKey: "video_id"] = "\(dispatch.video)"
        self.logger[metadataKey: "dispatch"] = "\(dispatch.number)"
    }

    /// Ends the work; the job is handed back.
    func interrupt(_ reason: String) {
        if giveUpAt == nil { giveUpAt = context.clock.now.advanced(by: Self.handBackLimit) }
        orders.send(reason)
    }

    /// Asks the database at once whether the token still stands: another node says that a video was deleted.
    func recheck() async {
        guard working, !committing, await heartbeat() == .lost, !committing else { return }
        orders.send(nil)
    }

    /// Tells progress and asks whether the token still stands; it prolongs nothing. Silence is no refusal.
    private func heartbeat() async -> GuardedWrite {
        do {
            return try await context.videos.heartbeat(
                dispatch.video, token: token, lease: lease.remainingLease(at: context.clock.now),
                progressPercent: percent)
        } catch {
            return .done
        }
    }

    /// Returns when the delivery is dealt with or, after a crash-like cancellation, at once.
    func run() async {
        guard let verdict = await claim() else {
            await returnUnclaimed()
            return
        }
        switch verdict {
        case .leased: logger.debug("another worker holds the lease")
        case .obsolete: await deleteMessage()
        case .granted(let job):
            let startedAt = context.clock.now
            if let request = job.requestID { logger[metadataKey: "request_id"] = "\(request)" }
            logger.info("claimed", metadata: ["attempts": "\(job.attempts)", "waited": "\(job.waited)"])
            working = true
            let outcome = await race(job)
            working = false
            if Task.isCancelled { return }
            await conclude(outcome, startedAt: startedAt, attempts: job.attempts)
        }
    }

    // MARK: - Claim

    /// Nil when told to stop, or cancelled, before the database answered.
    private func claim() async -> ClaimVerdict? {
        var backoff = Backoff(base: .milliseconds(200), maximum: .seconds(5), random: context.random)
        while !Task.isCancelled, giveUpAt == nil {
            if lease.mustExtendBeforeClaim(at: context.clock.now) {
                let start = context.clock.now
                if await extendMessage() { lease.extendedBeforeClaim(at: start) }
            }
            do {
                let (context, dispatch, token) = (context, dispatch, token)
                let remaining = lease.remainingLease(at: context.clock.now)
                return try await whileWanted { () async throws(RepositoryError) in
                    try await context.videos.claim(dispatch, token: token, lease: remaining, node: context.node)
                }
            } catch {
                logger.warning("claim not answered", metadata: ["reason": "\(error)"])
                do { try await context.clock.wait(backoff.next()) } catch { return nil }
            }
        }
        return nil
    }

    /// Told to stop before the claim was answered. It may stand, so the hand-back names its token first.
    private func returnUnclaimed() async {
        for known in [token, nil] {
            let write = await tellDatabase { () async throws(RepositoryError) in
                try await self.context.videos.handBack(
                    self.dispatch, token: known, newToken: self.finalToken, cause: "drained before the claim")
            }
            if write == .done { return await deleteMessage() }
            if write == nil { return }
        }
    }

    // MARK: - The race

    private func race(_ job: ClaimedJob) async -> AttemptOutcome {
        await withTaskGroup(of: AttemptOutcome?.self) { group in
            group.addTask { await self.work(job) }
            group.addTask { await self.keepLease() }
            group.addTask { await self.watchLease() }
            group.addTask {
                for await reason in self.orders.elements { return reason.map(AttemptOutcome.interrupted) ?? .lost }
                return nil
            }
            group.addTask {
                do { try await self.context.clock.wait(self.context.settings.attemptDeadline) } catch { return nil }
                return await self.deadlineOutcome
            }
            var outcome: AttemptOutcome?
            while outcome == nil, let first = await group.next() { outcome = first }
            group.cancelAll()
            // What the work achieved while it was being cancelled counts: it may have committed.
            for await late in group where late == .committed { outcome = .committed }
            return outcome ?? .interrupted("cancelled")
        }
    }

    /// Heartbeat each third of the lease; nil when cancelled.
    private func keepLease() async -> AttemptOutcome? {
        while true {
            switch lease.action(at: context.clock.now) {
            case .expired: return .interrupted("the database was silent to the lease's end")
            case .wait(let time):
                do { try await context.clock.sleep(until: time, tolerance: nil) } catch { return nil }
            case .renew:
                // A commit under way replaces the token: the refusal may be its own.
                if await renew() == .lost, !committing { return .lost }
                if Task.isCancelled { return nil }
            }
        }
    }

    /// Ends the work before the lease does, even while a renewal hangs in a port that does not answer.
    private func watchLease() async -> AttemptOutcome? {
        while context.clock.now < lease.stopAt {
            do { try await context.clock.sleep(until: lease.stopAt, tolerance: nil) } catch { return nil }
        }
        return .interrupted("the database was silent to the lease's end")
    }

    private func renew() async -> GuardedWrite {
        let start = context.clock.now
        // SQS's refusal is ignored: only the database ends a lease (delivery.md, H).
        _ = await extendMessage()
        if committing {
            // Nothing was asked of the database, so the lease stands as it was; the message is extended again soon.
            lease.renewalFailed(at: context.clock.now)
            return .done
        }
        do {
            let write = try await context.videos.heartbeat(
                dispatch.video, token: token, lease: lease.renewedLease(from: start, at: context.clock.now),
                progressPercent: percent)
            if write == .done { lease.renewed(at: start) }
            return write
        } catch {
            lease.renewalFailed(at: context.clock.now)
            logger.warning("heartbeat not answered", metadata: ["reason": "\(error)"])
            return .done
        }
    }

    /// - Returns: whether there was anything to tell.
    private func report(_ newPercent: Int) async -> Bool {
        hasBegun = true
        guard newPercent > percent else { return false }
        percent = newPercent
        if await heartbeat() == .lost, !committing { orders.send(nil) }
        return true
    }

    private var deadlineOutcome: AttemptOutcome {
        hasBegun
            ? .failed(.timedOut, detail: "attempt deadline")
            : .interrupted("it did not begin within the attempt's deadline")
    }

    // MARK: - Work

    private func work(_ job: ClaimedJob) async -> AttemptOutcome {
        let workspace: Workspace
        do { workspace = try await context.workspaces.make() } catch {
            return .interrupted("no room for temporary files: \(error)")
        }
        let outcome = await unlessOutOfRoom(await work(job, in: workspace))
        await context.workspaces.discard(workspace)
        return outcome
    }

    private func work(_ job: ClaimedJob, in workspace: Workspace) async -> AttemptOutcome {
        let source = workspace.file("original")
        do { try await context.gateway.fetch(job.original.key, into: source) } catch {
            if case .notFound = error { return .failed(.processingFailed, detail: "the original is not in the store") }
            return .interrupted("original not fetched: \(error)")
        }
        let clip: TranscodedClip
        switch await transcode(source, in: workspace) {
        case .success(let made): clip = made
        case .failure(.unusable(let reason)): return .unusable(reason)
        case .failure(.failed(let detail)): return .failed(.processingFailed, detail: detail)
        case .failure(.cancelled): return .interrupted("cancelled")
        }
        let result = ProcessedResult(
            video: .processedVideo(dispatch.video), poster: .poster(dispatch.video), duration: clip.duration,
            sizeBytes: clip.sizeBytes)
        do {
            try await context.gateway.put(clip.poster, at: result.poster, contentType: "image/jpeg")
            try await context.gateway.put(clip.video, at: result.video, contentType: "video/mp4")
        } catch {
            return .interrupted("result not stored: \(error)")
        }
        return await commit(result)
    }

    /// Runs ffmpeg while its progress is written, at most once a second.
    private func transcode(_ source: LocalFile, in workspace: Workspace) async -> Result<TranscodedClip, TranscodeError>
    {
        let (progress, continuation) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
        return await withTaskGroup(of: Result<TranscodedClip, TranscodeError>?.self) { group in
            group.addTask {
                defer { continuation.finish() }
                do throws(TranscodeError) {
                    return .success(
                        try await self.context.transcoder.transcode(source, in: workspace) { percent in
                            continuation.yield(percent)
                        })
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                for await percent in progress {
                    guard await self.report(percent) else { continue }
                    do { try await self.context.clock.wait(.seconds(1)) } catch { break }
                }
                return nil
            }
            var result: Result<TranscodedClip, TranscodeError>?
            while result == nil, let next = await group.next() { result = next }
            group.cancelAll()
            return result ?? .failure(.cancelled)
        }
    }

    /// Asks until the database answers; the heartbeat beside it ends that when the lease does.
    private func commit(_ result: ProcessedResult) async -> AttemptOutcome {
        var backoff = Backoff(base: .milliseconds(100), maximum: .seconds(2), random: context.random)
        committing = true
        while !Task.isCancelled {
            do {
                switch try await context.videos.commit(
                    result, of: dispatch.video, token: token, newToken: commitToken)
                {
                case .done: return .committed
                case .lost: return .lost
                }
            } catch {
                logger.warning("commit not answered", metadata: ["reason": "\(error)"])
                do { try await context.clock.wait(backoff.next()) } catch { break }
            }
        }
        return .interrupted("commit not answered")
    }
}
