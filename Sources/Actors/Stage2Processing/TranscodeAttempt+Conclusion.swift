import Logging

/// What the database and the queue are told once the race is over, from the attempt's own task.
extension TranscodeAttempt {
    func conclude(_ outcome: AttemptOutcome, startedAt: MonotonicInstant, attempts: Int = 0) async {
        switch outcome {
        case .committed:
            let duration = startedAt.duration(to: context.clock.now)
            context.metrics.send(.taskFinished(duration: duration))
            logger.info("processed", metadata: ["seconds": "\(duration.inSeconds)"])
            await deleteMessage()
        case .lost:
            logger.notice("the lease was lost or the video deleted; nothing is published")
            await removeOrphans()
        case .unusable(let reason):
            let write = await tellDatabase { () async throws(RepositoryError) in
                try await self.context.videos.reject(
                    self.dispatch.video, token: self.token, newToken: self.finalToken, reason: reason)
            }
            if write == .done {
                context.metrics.send(.taskFailed)
                logger.notice("failed: the clip is unusable", metadata: ["reason": "\(reason.code.rawValue)"])
                await deleteMessage()
            }
        case .failed(let reason, let detail): await concludeFailure(reason, detail: detail, attempts: attempts)
        case .interrupted(let why):
            let write = await tellDatabase { () async throws(RepositoryError) in
                try await self.context.videos.handBack(
                    self.dispatch, token: self.token, newToken: self.finalToken, cause: why)
            }
            if write == .done {
                context.metrics.send(.taskRetried)
                logger.notice("handed back", metadata: ["reason": "\(why)"])
                await deleteMessage()
            }
            await pause()
        }
    }

    /// A disk that is full makes any encode fail, and ffmpeg does not say so in a way that could be relied on: while
    /// there is no room for another workspace, neither the clip nor the attempt is to blame.
    func unlessOutOfRoom(_ outcome: AttemptOutcome) async -> AttemptOutcome {
        switch outcome {
        case .committed, .interrupted, .lost: return outcome
        case .unusable, .failed: break
        }
        do throws(WorkspaceError) {
            await context.workspaces.discard(try await context.workspaces.make())
            return outcome
        } catch {
            return .interrupted("no room for temporary files: \(error)")
        }
    }

    func concludeFailure(_ reason: FailureReason, detail: String, attempts: Int) async {
        logger.warning("attempt failed", metadata: ["detail": "\(detail)"])
        let settings = context.settings
        let delay = retryDelay(afterAttempts: attempts)
        let verdict = await tellDatabase { () async throws(RepositoryError) in
            try await self.context.videos.recordFailure(
                of: self.dispatch, token: self.token, newToken: self.finalToken, reason: reason, detail: detail,
                maximumAttempts: settings.maximumAttempts, delay: delay)
        }
        switch verdict {
        case .retried(let attempts):
            context.metrics.send(.taskRetried)
            logger.notice("to be tried again", metadata: ["attempts": "\(attempts)"])
            await deleteMessage()
        case .failed:
            context.metrics.send(.taskFailed)
            logger.error(
                "failed after \(settings.maximumAttempts) attempts", metadata: ["reason": "\(reason.code.rawValue)"])
            await deleteMessage()
        case .lost, nil: break
        }
    }

    /// Keeps the slot for a while after an interruption that was nobody's order, lest a full disk or a store that
    /// answers half of its calls makes the job go round and round.
    private func pause() async {
        let until = context.clock.now.advanced(by: Self.pauseAfterInterruption)
        while giveUpAt == nil, context.clock.now < until {
            do { try await context.clock.wait(.milliseconds(500)) } catch { return }
        }
    }

    private func retryDelay(afterAttempts attempts: Int) -> Duration {
        let delays = context.settings.retryDelays
        guard let last = delays.last else { return .zero }
        let delay = attempts < delays.count ? delays[attempts] : last
        return min(delay + delay * 0.2 * context.random.unit(), OutgoingMessage.maximumDelay)
    }

    /// Repeats a guarded write until it is answered, keeping the message invisible meanwhile; nil when the task is
    /// cancelled, or the supervisor wants the slot back and has waited long enough.
    func tellDatabase<Answer: Sendable>(
        _ write: @escaping @Sendable () async throws(RepositoryError) -> Answer
    ) async -> Answer? {
        var backoff = Backoff(base: .milliseconds(200), maximum: .seconds(5), random: context.random)
        var nextExtension = context.clock.now.advanced(by: context.settings.lease / 3)
        while !Task.isCancelled {
            do {
                return try await whileWanted(write)
            } catch {
                logger.warning("the database does not answer", metadata: ["reason": "\(error)"])
            }
            let now = context.clock.now
            if let giveUpAt, now >= giveUpAt { return nil }
            if now >= nextExtension {
                _ = await extendMessage()
                nextExtension = now.advanced(by: context.settings.lease / 3)
            }
            var wait = backoff.next()
            if let giveUpAt { wait = min(wait, now.duration(to: giveUpAt)) }
            do { try await context.clock.wait(wait) } catch { return nil }
        }
        return nil
    }

    /// Makes one call to the database, and gives it up when the supervisor's patience ends before its answer comes.
    func whileWanted<Answer: Sendable>(
        _ call: @escaping @Sendable () async throws(RepositoryError) -> Answer
    ) async throws(RepositoryError) -> Answer {
        let result = await withTaskGroup(of: Result<Answer, RepositoryError>.self) { group in
            group.addTask {
                do throws(RepositoryError) { return .success(try await call()) } catch { return .failure(error) }
            }
            group.addTask {
                while await self.isWanted {
                    do { try await self.context.clock.wait(Self.lookInterval) } catch { break }
                }
                return .failure(.unavailable("given up: the slot is wanted back"))
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(.unavailable("cancelled"))
        }
        return try result.get()
    }

    private var isWanted: Bool { giveUpAt.map { context.clock.now < $0 } ?? true }

    /// What this attempt stored for a video that was deleted meanwhile goes at once, not with the next sweep. Tried
    /// once, and not longer than the slot is this attempt's: the Reconciler looks again.
    private func removeOrphans() async {
        let (context, video) = (context, dispatch.video)
        do {
            try await whileWanted { () async throws(RepositoryError) in
                let orphans = try await context.videos.orphans(among: [.processedVideo(video), .poster(video)])
                do { try await context.gateway.delete(orphans) } catch { throw .unavailable("\(error)") }
            }
        } catch {
            logger.debug("objects not removed, the Reconciler will", metadata: ["reason": "\(error)"])
        }
    }

    /// - Returns: whether the queue confirmed it.
    func extendMessage() async -> Bool {
        do {
            try await context.queue.extend(delivery.message.receipt, visibility: context.settings.lease)
            return true
        } catch {
            logger.debug("message not extended", metadata: ["reason": "\(error)"])
            return false
        }
    }

    /// Only after the database said terminal, gone or newer dispatch. A message that stays is deleted by whoever
    /// claims it next.
    func deleteMessage() async {
        do { try await context.queue.delete(delivery.message.receipt) } catch {
            logger.debug("message not deleted, it comes again", metadata: ["reason": "\(error)"])
        }
    }
}
