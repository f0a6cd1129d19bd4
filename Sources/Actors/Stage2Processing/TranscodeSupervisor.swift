import Logging

/// Runs one child task for each delivery, never more than there are slots.
///
/// Owns the attempts under way. Listens to the consumer's deliveries; returns a permit when an attempt is over. Bound:
/// the permits. Its own task is never cancelled by a drain: when the deliveries end, attempts run on for
/// `drainGrace`, then each is told to stop and hands its job back from an uncancelled task.
package actor TranscodeSupervisor {
    private let context: AttemptContext
    private nonisolated let deliveries: Mailbox<Delivery>
    private nonisolated let permits: Permits
    private var running: [Int: TranscodeAttempt] = [:]
    private var nextNumber = 0
    private var isInterrupted = false

    package init(
        settings: WorkerSettings, node: NodeID, permits: Permits, deliveries: Mailbox<Delivery>, queue: any JobQueue,
        videos: any VideoRepository, gateway: S3Gateway, transcoder: any Transcoder, workspaces: any Workspaces,
        metrics: MetricMailbox, ids: IdentifierSource, clock: any NodeClock, random: any RandomSource, logger: Logger
    ) {
        self.context = AttemptContext(
            settings: settings, node: node, queue: queue, videos: videos, gateway: gateway, transcoder: transcoder,
            workspaces: workspaces, metrics: metrics, ids: ids, clock: clock, random: random, logger: logger)
        self.permits = permits
        self.deliveries = deliveries
    }

    /// Returns when the deliveries have ended and each attempt is over.
    package func run() async {
        enum Over { case attempts, grace }
        await withTaskGroup(of: Over.self) { group in
            let ended = Signal()
            group.addTask {
                await withDiscardingTaskGroup { attempts in
                    for await delivery in self.deliveries.elements {
                        attempts.addTask { await self.handle(delivery) }
                    }
                    ended.raise()
                }
                ended.finish()
                return .attempts
            }
            group.addTask {
                for await _ in ended.elements { break }
                do { try await self.context.clock.wait(self.context.settings.drainGrace) } catch { return .grace }
                await self.interruptAll()
                return .grace
            }
            // When the attempts are over the grace need not be waited for; they themselves are never cancelled.
            if await group.next() == .attempts { group.cancelAll() }
            await group.waitForAll()
        }
    }

    private func handle(_ delivery: Delivery) async {
        defer { permits.release() }
        guard let job = delivery.message.job else {
            context.logger.error("a message of unknown format is left to become a dead letter")
            return
        }
        let attempt = TranscodeAttempt(delivery: delivery, dispatch: job.dispatch, context: context)
        let number = nextNumber
        nextNumber += 1
        running[number] = attempt
        // The grace may have ended before this task ran.
        if isInterrupted { await attempt.interrupt("drained") }
        await attempt.run()
        running[number] = nil
    }

    private func interruptAll() async {
        isInterrupted = true
        for number in running.keys.sorted() { await running[number]?.interrupt("drained") }
    }

    /// Stops the attempts on a video that was deleted or taken away; each asks the database itself.
    package func recheckAll() async {
        let attempts = running.keys.sorted().compactMap { running[$0] }
        await withDiscardingTaskGroup { group in
            for attempt in attempts { group.addTask { await attempt.recheck() } }
        }
    }
}
