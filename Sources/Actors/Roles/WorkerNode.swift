import Logging

/// Everything a worker touches; production and simulation differ in nothing else.
package struct WorkerEnvironment: Sendable {
    package var node: NodeID
    package var settings: WorkerSettings
    package var videos: any VideoRepository
    package var feed: any ChangeFeed
    package var jobs: any JobQueue
    package var gateway: S3Gateway
    package var transcoder: any Transcoder
    package var workspaces: any Workspaces
    package var metrics: MetricMailbox
    package var clock: any NodeClock
    package var random: any RandomSource
    package var logger: Logger

    package init(
        node: NodeID, settings: WorkerSettings, videos: any VideoRepository, feed: any ChangeFeed, jobs: any JobQueue,
        gateway: S3Gateway, transcoder: any Transcoder, workspaces: any Workspaces, metrics: MetricMailbox,
        clock: any NodeClock, random: any RandomSource, logger: Logger
    ) {
        self.node = node
        self.settings = settings
        self.videos = videos
        self.feed = feed
        self.jobs = jobs
        self.gateway = gateway
        self.transcoder = transcoder
        self.workspaces = workspaces
        self.metrics = metrics
        self.clock = clock
        self.random = random
        self.logger = logger
    }
}

/// `role=worker`: QueueConsumer and TranscodeSupervisor, joined by permits and deliveries.
package struct WorkerNode: Sendable {
    package let permits: Permits
    package let consumer: QueueConsumer
    package let supervisor: TranscodeSupervisor
    private let feed: any ChangeFeed

    /// Builds the actors; nothing happens before `run()`.
    package init(_ environment: WorkerEnvironment) {
        let ids = IdentifierSource(random: environment.random)
        permits = Permits(environment.settings.slots)
        consumer = QueueConsumer(
            settings: environment.settings, permits: permits, queue: environment.jobs, videos: environment.videos,
            gateway: environment.gateway, workspaces: environment.workspaces, clock: environment.clock,
            random: environment.random, logger: environment.logger)
        supervisor = TranscodeSupervisor(
            settings: environment.settings, node: environment.node, permits: permits, deliveries: consumer.deliveries,
            queue: environment.jobs, videos: environment.videos, gateway: environment.gateway,
            transcoder: environment.transcoder, workspaces: environment.workspaces, metrics: environment.metrics,
            ids: ids, clock: environment.clock, random: environment.random, logger: environment.logger)
        feed = environment.feed
    }

    /// Pulls nothing further; `run()` returns when the jobs under way are over or handed back.
    package func drain() { consumer.drain() }

    /// Returns after a drain, or at once when cancelled (which leaves leases to run out, as a crash does).
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in feed.changes(on: .videos) { await supervisor.recheckAll() }
            }
            await withTaskGroup(of: Void.self) { working in
                working.addTask { await consumer.run() }
                working.addTask { await supervisor.run() }
            }
            group.cancelAll()
        }
    }
}
