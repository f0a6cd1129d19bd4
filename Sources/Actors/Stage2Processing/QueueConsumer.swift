import Logging

/// A message in a worker's hands, with the time from before it was asked for.
package struct Delivery: Sendable, Equatable {
    package let message: ReceivedMessage
    package let receivedAt: MonotonicInstant

    package init(message: ReceivedMessage, receivedAt: MonotonicInstant) {
        self.message = message
        self.receivedAt = receivedAt
    }
}

/// Pulls messages, one for each free slot, and hands them to the TranscodeSupervisor by AsyncStream.
///
/// Owns the long poll. Listens to the permits (a slot is free) and to its drain; tells the supervisor through
/// `deliveries`. Bounds: it never holds more messages than slots, because it takes a permit before it asks; it asks for
/// none while database or store is away, or the disk is full. When the queue is away it backs off. Ends, and with it
/// `deliveries`, when drained.
package actor QueueConsumer {
    /// Delivered messages in their order of arrival; cannot overflow, as each holds a permit.
    package nonisolated let deliveries: Mailbox<Delivery>
    private nonisolated let permits: Permits
    private nonisolated let drainSignal = Signal()
    private let settings: WorkerSettings
    private let queue: any JobQueue
    private let videos: any VideoRepository
    private let gateway: S3Gateway
    private let workspaces: any Workspaces
    private let clock: any NodeClock
    private let random: any RandomSource
    private let logger: Logger

    package init(
        settings: WorkerSettings, permits: Permits, queue: any JobQueue, videos: any VideoRepository,
        gateway: S3Gateway, workspaces: any Workspaces, clock: any NodeClock, random: any RandomSource, logger: Logger
    ) {
        self.deliveries = Mailbox("deliveries", capacity: settings.slots)
        self.settings = settings
        self.permits = permits
        self.queue = queue
        self.videos = videos
        self.gateway = gateway
        self.workspaces = workspaces
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// Asks for no further message. A poll that has taken one meanwhile still delivers it.
    package nonisolated func drain() { drainSignal.raise() }

    /// Returns when drained or cancelled; `deliveries` is finished then.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.pull() }
            group.addTask { for await _ in self.drainSignal.elements { return } }
            await group.next()
            group.cancelAll()
        }
        deliveries.finish()
    }

    private func pull() async {
        for await _ in permits.available {
            permits.noteTaken()
            guard let delivery = await next(), deliveries.send(delivery) else {
                permits.release()
                return
            }
        }
    }

    /// The next message; nil when drained or cancelled.
    private func next() async -> Delivery? {
        var backoff = Backoff(base: .milliseconds(500), maximum: .seconds(10), random: random)
        while !Task.isCancelled {
            do {
                try await videos.check()
                try await gateway.check()
                try await workspaces.check()
                let askedAt = clock.now
                let messages = try await queue.receive(
                    maximum: 1, visibility: settings.lease, wait: settings.pollWait)
                if let message = messages.first { return Delivery(message: message, receivedAt: askedAt) }
                backoff.reset()
            } catch {
                if Task.isCancelled { return nil }
                logger.warning("worker: nothing is pulled for now", metadata: ["reason": "\(error)"])
                do { try await clock.wait(backoff.next()) } catch { return nil }
            }
        }
        return nil
    }
}
