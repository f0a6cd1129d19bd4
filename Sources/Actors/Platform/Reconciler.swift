import FoundationEssentials
import Logging

package struct ReconcilerSettings: Sendable, Equatable {
    /// Between two rounds.
    package var interval: Duration
    /// A row without lease and without dispatch or claim for this long gets a new dispatch; doubles each time.
    package var redispatchAfter: Duration
    /// Objects younger than this are never taken for orphans: an original precedes its row.
    package var orphanAge: Duration
    /// Between two searches for orphans.
    package var sweepInterval: Duration
    /// Claims of one dispatch that ended without a word before a dead letter fails its video.
    package var maximumClaims: Int
    /// Batches of the vote feed are kept this long.
    package var feedRetention: Duration
    /// Events of videos are kept this long.
    package var eventRetention: Duration

    package init(
        interval: Duration = .seconds(30), redispatchAfter: Duration = .seconds(7200),
        orphanAge: Duration = .seconds(3600), sweepInterval: Duration = .seconds(3600), maximumClaims: Int = 3,
        feedRetention: Duration = .seconds(3600), eventRetention: Duration = .seconds(90 * 86400)
    ) {
        self.interval = interval
        self.redispatchAfter = redispatchAfter
        self.orphanAge = orphanAge
        self.sweepInterval = sweepInterval
        self.maximumClaims = maximumClaims
        self.feedRetention = feedRetention
        self.eventRetention = eventRetention
    }
}

/// Repairs what faults left behind: lost dispatches, dead letters, objects without a row, old feed batches and
/// events, temporary files of dead processes.
///
/// Owns nothing but the time of its last sweep; the database's lease row lets one node at a time do the work of the
/// cluster. Bounds: `maximumLetters`, `maximumRedispatches` and `maximumObjects` a round. A failing step is logged and
/// comes again in the next round.
package actor Reconciler {
    package static let maximumLetters = 100
    package static let maximumRedispatches = 100
    package static let maximumObjects = 10_000

    private let settings: ReconcilerSettings
    private let node: NodeID
    private let videos: any VideoRepository
    private let votes: any VoteRepository
    private let idempotency: any IdempotencyRepository
    private let throttle: any ThrottleRepository
    private let deadLetters: any JobQueue
    private let gateway: S3Gateway
    private let workspaces: any Workspaces
    private let metrics: MetricMailbox
    private let ids: IdentifierSource
    private let clock: any NodeClock
    private let logger: Logger
    /// The first sweep comes an interval after the start: what an operator is still restoring is no orphan.
    private var nextSweep: MonotonicInstant?
    /// Where a sweep that reached its bound goes on.
    private var sweptTo: [ObjectPrefix: ObjectKey] = [:]

    package init(
        settings: ReconcilerSettings, node: NodeID, videos: any VideoRepository, votes: any VoteRepository,
        idempotency: any IdempotencyRepository, throttle: any ThrottleRepository,
        deadLetters: any JobQueue, gateway: S3Gateway, workspaces: any Workspaces, metrics: MetricMailbox,
        ids: IdentifierSource,
        clock: any NodeClock, logger: Logger
    ) {
        self.settings = settings
        self.node = node
        self.videos = videos
        self.votes = votes
        self.idempotency = idempotency
        self.throttle = throttle
        self.deadLetters = deadLetters
        self.gateway = gateway
        self.workspaces = workspaces
        self.metrics = metrics
        self.ids = ids
        self.clock = clock
        self.logger = logger
    }

    /// Returns when the task is cancelled.
    package func run() async {
        nextSweep = clock.now.advanced(by: settings.sweepInterval)
        while !Task.isCancelled {
            await round()
            do { try await clock.wait(settings.interval) } catch { return }
        }
    }

    private func round() async {
        await workspaces.sweep()
        let now: Date
        do {
            guard let held = try await videos.holdReconcilerLease(node, for: settings.interval * 3) else { return }
            now = held
        } catch {
            logger.warning("reconciler: the database does not answer", metadata: ["reason": "\(error)"])
            return
        }
        await step("re-dispatch of lost videos") { try await self.redispatch() }
        await step("dead letters") { try await self.judgeDeadLetters() }
        await step("pruning of the vote feed") {
            try await self.votes.pruneBatches(olderThan: self.settings.feedRetention)
        }
        await step("pruning of throttles") { try await self.throttle.pruneBuckets() }
        if nextSweep.map({ $0 <= clock.now }) ?? true {
            await step("pruning of old events") {
                try await self.videos.pruneEvents(olderThan: self.settings.eventRetention)
            }
            await step("pruning of idempotency keys") { try await self.idempotency.pruneKeys() }
            await step("search for objects without a row") {
                try await self.sweepObjects(olderThan: now.addingTimeInterval(-self.settings.orphanAge.inSeconds))
                self.nextSweep = self.clock.now.advanced(by: self.settings.sweepInterval)
            }
        }
    }

    private func step(_ name: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            logger.warning("reconciler: \(name) failed, comes again", metadata: ["reason": "\(error)"])
        }
    }

    private func redispatch() async throws {
        let ids = ids
        let count = try await videos.redispatchLost(
            after: settings.redispatchAfter, limit: Self.maximumRedispatches, makeToken: { ids.make() })
        if count > 0 { logger.notice("reconciler: dispatched anew", metadata: ["videos": "\(count)"]) }
    }

    /// A letter that stays is looked at in each round: its row may be redriven or deleted at any time.
    private func judgeDeadLetters() async throws {
        var looked = 0
        while looked < Self.maximumLetters {
            let letters = try await deadLetters.receive(
                maximum: 10, visibility: min(settings.interval / 2, .seconds(10)), wait: .zero)
            if letters.isEmpty { return }
            looked += letters.count
            for letter in letters {
                guard let job = letter.job else { continue }
                let verdict = try await videos.judge(
                    deadLetter: job.dispatch, newToken: ids.make(), maximumClaims: settings.maximumClaims)
                switch verdict {
                case .wait, .keep: break
                case .failed:
                    metrics.send(.taskFailed)
                    logger.error(
                        "video failed: its workers were lost", metadata: ["video_id": "\(job.dispatch.video)"])
                case .delete: try await deadLetters.delete(letter.receipt)
                }
            }
        }
    }

    /// - Parameter youngest: by the database's clock: a node whose own is ahead would take fresh objects for orphans.
    private func sweepObjects(olderThan youngest: Date) async throws {
        for prefix in [ObjectPrefix.original, .processed] {
            var looked = 0
            while looked < Self.maximumObjects {
                let page = try await gateway.list(prefix, after: sweptTo[prefix], limit: 1000)
                guard let last = page.last else {
                    sweptTo[prefix] = nil
                    break
                }
                looked += page.count
                let candidates = page.filter { $0.modifiedAt < youngest }.map(\.key)
                let orphans = candidates.isEmpty ? [] : try await videos.orphans(among: candidates)
                try await gateway.delete(orphans)
                sweptTo[prefix] = last.key
                if !orphans.isEmpty {
                    logger.notice("reconciler: removed objects without a row", metadata: ["count": "\(orphans.count)"])
                }
            }
        }
    }
}
