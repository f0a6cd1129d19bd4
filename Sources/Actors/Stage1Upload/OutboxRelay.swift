import Logging

/// Carries outbox entries to the queues: at least once, entry removed only after it was sent.
///
/// Owns the entries that it holds. Woken by its signal (an upload on this node, another node's announcement, a timer).
/// Bounds: `batchSize` entries in hand, held for `holdDuration`; when the queue is away it backs off and another relay
/// may take them after that.
package actor OutboxRelay {
    /// SQS takes at most ten messages a call.
    package static let batchSize = 10
    package static let holdDuration: Duration = .seconds(30)

    /// Raised by whoever has just committed an entry.
    package nonisolated let wake = Signal()
    private let outbox: any OutboxRepository
    private let feed: any ChangeFeed
    private let jobs: any JobQueue
    private let deadLetters: any JobQueue
    private let pollInterval: Duration
    private let clock: any NodeClock
    private let random: any RandomSource
    private let logger: Logger

    /// - Parameter pollInterval: entries are found by this timer when every announcement was lost.
    package init(
        outbox: any OutboxRepository, feed: any ChangeFeed, jobs: any JobQueue, deadLetters: any JobQueue,
        pollInterval: Duration, clock: any NodeClock, random: any RandomSource, logger: Logger
    ) {
        self.outbox = outbox
        self.feed = feed
        self.jobs = jobs
        self.deadLetters = deadLetters
        self.pollInterval = pollInterval
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// Relays what is in the outbox now, and then ends `run()`.
    package nonisolated func finish() {
        wake.raise()
        wake.finish()
    }

    /// Returns when the task is cancelled or after `finish()`.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in self.feed.changes(on: .outbox) { self.wake.raise() } }
            group.addTask {
                while true {
                    do { try await self.clock.wait(self.pollInterval) } catch { return }
                    self.wake.raise()
                }
            }
            for await _ in wake.elements { await relayAll() }
            group.cancelAll()
        }
    }

    private func relayAll() async {
        var backoff = Backoff(base: .milliseconds(100), maximum: .seconds(5), random: random)
        while !Task.isCancelled {
            do {
                let entries = try await outbox.takeOutbox(limit: Self.batchSize, holdFor: Self.holdDuration)
                if entries.isEmpty { return }
                guard await send(entries) else { return }
                backoff.reset()
            } catch {
                logger.warning("outbox: the database does not answer", metadata: ["reason": "\(error)"])
                do { try await clock.wait(backoff.next()) } catch { return }
            }
        }
    }

    /// Sends what it holds for as long as the hold lasts; a message sent twice does no harm, one not sent is taken
    /// again.
    private func send(_ entries: [OutboxEntry]) async -> Bool {
        let heldUntil = clock.now.advanced(by: Self.holdDuration * 0.8)
        var backoff = Backoff(base: .milliseconds(100), maximum: .seconds(5), random: random)
        for (destination, queue) in [(OutboxDestination.jobs, jobs), (.deadLetters, deadLetters)] {
            let mine = entries.filter { $0.destination == destination }
            if mine.isEmpty { continue }
            // One entry that a queue refuses would hold up all others.
            let messages = mine.map {
                OutgoingMessage(
                    job: JobMessage($0.dispatch), delay: min($0.delay, OutgoingMessage.maximumDelay),
                    requestID: $0.requestID)
            }
            var sent = false
            while true {
                do {
                    if !sent { try await queue.send(messages) }
                    sent = true
                    try await outbox.removeOutbox(mine.map(\.id))
                    break
                } catch {
                    logger.warning(
                        "outbox: not relayed yet", metadata: ["reason": "\(error)", "queue": "\(destination)"])
                    guard clock.now < heldUntil, !Task.isCancelled else { return false }
                    do { try await clock.wait(backoff.next()) } catch { return false }
                }
            }
        }
        return true
    }
}
