import Actors
import FoundationEssentials

/// The delivery rule's writes, each with the guard that its doc comment in `DeliveryRepository` names.
extension FakeDatabase {
    func claim(_ dispatch: Dispatch, token: LeaseToken, lease: Duration, node: NodeID) -> ClaimVerdict {
        guard var row = videos[dispatch.video], !row.state.isTerminal, row.dispatch <= dispatch.number else {
            return .obsolete
        }
        // From the future: a database that was restored.
        guard row.dispatch == dispatch.number else { return .leased }
        let isRepeated = row.token == token
        guard isRepeated || !row.hasLiveLease(at: now) else { return .leased }
        if !isRepeated {
            row.claims += 1
            row.token = token
        }
        row.claimedBy = node
        row.state = .processing
        row.leaseUntil = now + nanoseconds(lease)
        row.touchedAt = now
        row.redispatches = 0
        videos[dispatch.video] = row
        invariants.granted(dispatch, token: token, until: row.leaseUntil)
        return .granted(
            ClaimedJob(
                dispatch: dispatch, token: token, original: row.video.original, attempts: row.attempts,
                waited: .nanoseconds(now - row.createdAt)))
    }

    func heartbeat(_ video: VideoID, token: LeaseToken, lease: Duration, progressPercent: Int) -> GuardedWrite {
        guard var row = held(video, token) else { return .lost }
        row.leaseUntil = max(row.leaseUntil, now + nanoseconds(lease))
        row.progressPercent = progressPercent
        videos[video] = row
        invariants.extended(video, token: token, until: row.leaseUntil)
        return .done
    }

    func commit(_ result: ProcessedResult, of video: VideoID, token: LeaseToken, newToken: LeaseToken) -> GuardedWrite {
        if isRepetition(video, newToken) { return .done }
        guard var row = held(video, token) else { return .lost }
        invariants.committed(row.current, token: token, result: result)
        row.state = .processed
        row.processedAt = now
        row.result = result
        row.progressPercent = 100
        end(&row, newToken: newToken)
        return .done
    }

    func handBack(_ dispatch: Dispatch, token: LeaseToken?, newToken: LeaseToken) -> GuardedWrite {
        if isRepetition(dispatch.video, newToken) { return .done }
        guard var row = videos[dispatch.video], !row.state.isTerminal, row.dispatch == dispatch.number,
            token.map({ $0 == row.token }) ?? !row.hasLiveLease(at: now)
        else { return .lost }
        dispatchAnew(&row, newToken: newToken, delay: .zero)
        return .done
    }

    func recordFailure(
        of dispatch: Dispatch, token: LeaseToken, newToken: LeaseToken, reason: FailureReason, maximumAttempts: Int,
        delay: Duration
    ) -> OwnFailureVerdict {
        if let row = videos[dispatch.video], row.token == newToken {
            return row.state == .failed ? .failed : .retried(attempts: row.attempts)
        }
        guard var row = held(dispatch.video, token), row.dispatch == dispatch.number else { return .lost }
        row.attempts += 1
        invariants.failedItself(dispatch, attempts: row.attempts, reason: reason)
        guard row.attempts >= maximumAttempts else {
            let attempts = row.attempts
            dispatchAnew(&row, newToken: newToken, delay: delay)
            return .retried(attempts: attempts)
        }
        row.state = .failed
        row.failure = reason
        end(&row, newToken: newToken)
        enqueue(.deadLetters, dispatch, delay: .zero)
        invariants.failed(dispatch, reason: reason, attempts: row.attempts)
        return .failed
    }

    func reject(_ video: VideoID, token: LeaseToken, newToken: LeaseToken, reason: FailureReason) -> GuardedWrite {
        if isRepetition(video, newToken) { return .done }
        guard var row = held(video, token) else { return .lost }
        row.state = .failed
        row.failure = reason
        end(&row, newToken: newToken)
        invariants.rejected(row.current, reason: reason)
        return .done
    }

    func judge(deadLetter dispatch: Dispatch, newToken: LeaseToken, maximumClaims: Int) -> DeadLetterVerdict {
        guard var row = videos[dispatch.video], row.dispatch == dispatch.number, row.state != .processed else {
            return .delete
        }
        // The clip itself was to blame: nothing for an operator to send again.
        if row.state == .failed {
            switch row.failure?.code {
            case .workerLost, .processingFailed, .timedOut: return .keep
            default: return .delete
            }
        }
        if row.hasLiveLease(at: now) { return .wait }
        guard row.claims >= maximumClaims else {
            dispatchAnew(&row, newToken: newToken, delay: .zero)
            return .delete
        }
        row.state = .failed
        row.failure = .workerLost
        end(&row, newToken: newToken)
        invariants.lost(dispatch)
        return .failed
    }

    func redispatchLost(after: Duration, limit: Int, makeToken: () -> LeaseToken) -> Int {
        var count = 0
        for var row in sortedVideos where count < limit {
            let wait = nanoseconds(after) << min(row.redispatches, 6)
            guard !row.state.isTerminal, !row.hasLiveLease(at: now), !hasOutboxEntry(row.current),
                row.touchedAt + wait <= now
            else { continue }
            let redispatches = row.redispatches + 1
            dispatchAnew(&row, newToken: makeToken(), delay: .zero)
            videos[row.video.id]?.redispatches = redispatches
            invariants.redispatched(row.current)
            count += 1
        }
        return count
    }

    func holdReconcilerLease(_ node: NodeID, for duration: Duration) -> Date? {
        if let holder = reconciler, holder.node != node, holder.until > now { return nil }
        reconciler = (node, now + nanoseconds(duration))
        return SimulatedWallClock.date(now)
    }

    /// The write was done before and its answer lost.
    private func isRepetition(_ video: VideoID, _ newToken: LeaseToken) -> Bool { videos[video]?.token == newToken }

    /// The row, when it is not terminal and `token` is its token.
    private func held(_ video: VideoID, _ token: LeaseToken) -> VideoRow? {
        guard let row = videos[video], !row.state.isTerminal, row.token == token else { return nil }
        return row
    }

    private func end(_ row: inout VideoRow, newToken: LeaseToken) {
        row.token = newToken
        row.leaseUntil = 0
        videos[row.video.id] = row
        invariants.released(row.video.id)
    }

    private func dispatchAnew(_ row: inout VideoRow, newToken: LeaseToken, delay: Duration) {
        row.dispatch += 1
        row.claims = 0
        row.state = .uploaded
        row.progressPercent = 0
        row.touchedAt = now
        end(&row, newToken: newToken)
        enqueue(.jobs, row.current, delay: delay)
        invariants.dispatched(row.video.id, to: row.dispatch)
    }
}
