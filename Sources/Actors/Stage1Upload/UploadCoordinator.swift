import Logging

/// An upload's body: pulled by the coordinator's caller, written to the spool as it comes.
package protocol UploadSource: Sendable {
    /// Reads the whole request and writes the file's bytes, at most `maximumBytes`, to `spool`.
    /// - Returns: the title as sent.
    func deliver(to spool: any SpoolWriter, maximumBytes: Int64) async throws(UploadError) -> String
}

/// Sorted by what the client is told.
package enum UploadError: Error, Sendable, Equatable {
    /// As many uploads as the node takes are under way, its disk is near its reserve, or it drains.
    case full
    /// The queue or the workers are behind by more than the limits of admission.
    case behind(retryAfter: Duration)
    /// The form is not as the contract says: each wrong field with its message.
    case malformed([FieldProblem])
    /// The clip or its size breaks a rule.
    case refused(FailureReason)
    case titleRefused(VideoTitle.Refusal)
    case tooManyVideos(maximum: Int)
    case unknownOwner
    /// A request with the same idempotency key is under way, or has taken this one's place.
    case inProgress
    /// The idempotency key was used for another file or title.
    case keyReused
    /// The account has `IdempotencyKey.maximumOfUser` keys.
    case tooManyKeys
    /// The client went away or stopped sending.
    case interrupted
    /// Database, store or probe does not answer.
    case unavailable(String)
}

package struct FieldProblem: Error, Sendable, Equatable {
    /// `missing`, `value_error`, …
    package let type: String
    package let location: [String]
    package let message: String

    package init(type: String, location: [String], message: String) {
        self.type = type
        self.location = location
        self.message = message
    }
}

/// Admits uploads, and takes each from its first byte to row and outbox entry in one transaction.
///
/// Owns the count of uploads under way (bound: `maximumUploads`, 503 beyond it) and the admission, which closes by what
/// its `run()` sees of the backlog. Talked to by the upload route; tells the OutboxRelay by its wake signal. Bytes flow on the
/// caller's task, beside the actor. A failure at any point removes the workspace; an original whose row did not come to
/// be is removed here or by the Reconciler.
package actor UploadCoordinator {
    package static let maximumTries = 4
    /// Between two looks at the backlog.
    package static let lookInterval: Duration = .seconds(10)

    private let maximumUploads: Int
    private var underWay = 0
    private var admission: Admission
    private var isClosed = false
    private nonisolated let policy: UploadPolicy
    private nonisolated let videos: any VideoRepository
    private nonisolated let gateway: S3Gateway
    private nonisolated let probe: any MediaProbe
    private nonisolated let workspaces: any Workspaces
    nonisolated let keys: IdempotencyKeys
    private nonisolated let outboxWake: Signal
    private nonisolated let ids: IdentifierSource
    private nonisolated let clock: any NodeClock
    private nonisolated let random: any RandomSource
    private nonisolated let logger: Logger

    package init(
        maximumUploads: Int, admission limits: AdmissionLimits = .init(), policy: UploadPolicy,
        videos: any VideoRepository, gateway: S3Gateway, probe: any MediaProbe, workspaces: any Workspaces,
        keys: IdempotencyKeys, outboxWake: Signal, ids: IdentifierSource,
        clock: any NodeClock, random: any RandomSource, logger: Logger
    ) {
        self.maximumUploads = maximumUploads
        admission = Admission(limits: limits)
        self.policy = policy
        self.videos = videos
        self.gateway = gateway
        self.probe = probe
        self.workspaces = workspaces
        self.keys = keys
        self.outboxWake = outboxWake
        self.ids = ids
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// Uploads under way.
    package var inProgress: Int { underWay }

    private func admit() throws(UploadError) {
        guard !isClosed, underWay < maximumUploads else { throw .full }
        if let wait = admission.retryAfter { throw .behind(retryAfter: wait) }
        underWay += 1
    }

    private func leave() { underWay -= 1 }

    private func leaveAccepted() {
        underWay -= 1
        admission.acceptedOne()
    }

    private var expectedWait: Duration { admission.expectedWait }

    /// Looks at the backlog until the task is cancelled.
    package func run() async {
        while true {
            do throws(RepositoryError) { admission.looked(try await videos.backlog()) } catch {
                logger.debug("uploads: the backlog is not known", metadata: ["reason": "\(error)"])
            }
            do { try await clock.wait(Self.lookInterval) } catch { return }
        }
    }

    /// An upload that was taken.
    package struct Accepted: Sendable, Equatable {
        /// Of the video, now `uploaded` and on its way to the queue.
        package let id: VideoID
        /// Until it is processed, as far as one can tell.
        package let expectedWait: Duration
    }

    /// Takes one upload the whole way.
    package nonisolated func receive(_ source: some UploadSource, from owner: UserID, requestID: String? = nil)
        async throws(UploadError) -> Accepted
    {
        guard case .accepted(let accepted) = try await admitted(source, from: owner, requestID, nil) else {
            throw .unavailable("a request without a key was answered from memory")
        }
        return accepted
    }

    nonisolated func admitted(
        _ source: some UploadSource, from owner: UserID, _ requestID: String?, _ once: Once?
    ) async throws(UploadError) -> Receipt {
        try await admit()
        do {
            let receipt = try await takeIn(source, from: owner, requestID, once)
            if case .accepted = receipt { await leaveAccepted() } else { await leave() }
            return receipt
        } catch {
            await leave()
            throw error
        }
    }

    /// Takes no further uploads; those under way go on.
    package func close() { isClosed = true }

    /// Removes a video that is not processed, with its objects; a transcode of it stops.
    package nonisolated func delete(_ id: VideoID, by owner: UserID, requestID: String? = nil)
        async throws(RepositoryError) -> DeleteVideoVerdict
    {
        let verdict = try await videos.delete(id, by: owner, requestID: requestID)
        if case .deleted(let objects) = verdict {
            logger.info("deleted", metadata: Self.metadata(id, requestID))
            await gateway.discard(objects)
        }
        return verdict
    }

    private static func metadata(_ id: VideoID, _ requestID: String?) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["video_id": "\(id)"]
        if let requestID { metadata["request_id"] = "\(requestID)" }
        return metadata
    }

    private nonisolated func takeIn(
        _ source: some UploadSource, from owner: UserID, _ requestID: String?, _ once: Once?
    ) async throws(UploadError) -> Receipt {
        let workspace: Workspace
        do { workspace = try await workspaces.make() } catch { throw Self.uploadError(error) }
        do {
            let receipt = try await read(source, from: owner, in: workspace, requestID, once)
            await workspaces.discard(workspace)
            return receipt
        } catch {
            await workspaces.discard(workspace)
            throw error
        }
    }

    private nonisolated func read(
        _ source: some UploadSource, from owner: UserID, in workspace: Workspace, _ requestID: String?, _ once: Once?
    ) async throws(UploadError) -> Receipt {
        let spool: any SpoolWriter
        do { spool = try await workspaces.spool("upload", in: workspace) } catch { throw Self.uploadError(error) }
        let text = try await source.deliver(to: spool, maximumBytes: policy.contest.maximumFileBytes)
        let spooled: SpooledFile
        do { spooled = try spool.finish() } catch { throw Self.uploadError(error) }
        guard let once else { return .accepted(try await store(spooled, titled: text, from: owner, requestID, nil)) }
        return try await answer(once, spooled, titled: text, from: owner, requestID)
    }

    nonisolated func store(
        _ spooled: SpooledFile, titled text: String, from owner: UserID, _ requestID: String?,
        _ answerOnce: ((Accepted) -> AnswerOnce?)?
    ) async throws(UploadError) -> Accepted {
        let title: VideoTitle
        do { title = try VideoTitle(text) } catch { throw .titleRefused(error) }
        let media = try await inspect(spooled)

        let accepted = Accepted(id: ids.make(), expectedWait: await expectedWait)
        let id = accepted.id
        let original = OriginalObject(
            key: .original(id, fileExtension: media.container.rawValue), contentType: media.container.contentType,
            sizeBytes: spooled.sizeBytes, sha256: spooled.sha256, duration: media.duration)
        do {
            try await gateway.put(spooled.file, at: original.key, contentType: original.contentType)
        } catch { throw Self.uploadError(error) }
        do {
            try await record(
                NewVideo(
                    id: id, owner: owner, title: title.text, original: original, requestID: requestID,
                    answerOnce: answerOnce?(accepted)))
        } catch {
            // With an answer there is surely no row; without one there may be, and the Reconciler looks later.
            if case .unavailable = error { throw error }
            do { try await gateway.delete([original.key]) } catch {
                logger.warning(
                    "an original without a row stays for the reconciler", metadata: ["key": "\(original.key)"])
            }
            throw error
        }
        outboxWake.raise()
        var metadata = Self.metadata(id, requestID)
        metadata["bytes"] = "\(spooled.sizeBytes)"
        logger.info("uploaded", metadata: metadata)
        return accepted
    }

    private nonisolated func inspect(_ spooled: SpooledFile) async throws(UploadError) -> MediaDescription {
        let media: MediaDescription
        do throws(MediaProbeError) {
            guard spooled.sizeBytes > 0 else { throw .notAVideo }
            media = try await probe.probe(spooled.file)
        } catch {
            if case .unavailable(let reason) = error { throw .unavailable(reason) }
            throw .refused(error.reason ?? .corrupt)
        }
        do { try policy.check(media) } catch { throw .refused(error) }
        return media
    }

    /// The id makes a repetition harmless, so a lost answer is simply asked for again.
    private nonisolated func record(_ video: NewVideo) async throws(UploadError) {
        var backoff = Backoff(base: .milliseconds(100), maximum: .seconds(1), random: random)
        for remaining in (0..<Self.maximumTries).reversed() {
            do {
                switch try await videos.create(video, maximumPerPlayer: policy.contest.maximumVideosPerPlayer) {
                case .created: return
                case .tooManyVideos(let maximum): throw UploadError.tooManyVideos(maximum: maximum)
                case .unknownOwner: throw UploadError.unknownOwner
                case .superseded: throw UploadError.inProgress
                }
            } catch let error as UploadError {
                throw error
            } catch {
                guard remaining > 0 else { throw .unavailable("\(error)") }
                // Not `interrupted`: the answer was lost, so the row may exist and its original must stay.
                do { try await clock.wait(backoff.next()) } catch { throw .unavailable("cancelled") }
            }
        }
    }

    private static func uploadError(_ error: WorkspaceError) -> UploadError {
        switch error {
        case .full: .full
        case .unavailable(let reason): .unavailable(reason)
        }
    }

    private static func uploadError(_ error: ObjectStoreError) -> UploadError {
        if case .full = error { .full } else { .unavailable("\(error)") }
    }
}
