import Logging

package struct APISettings: Sendable, Equatable {
    package var contest: ContestPolicy
    package var reconciler: ReconcilerSettings
    /// Uploads at once; 503 beyond it.
    package var maximumUploads: Int
    package var admission: AdmissionLimits
    package var throttle: ThrottleLimits
    /// Between two looks at the votes of other nodes when no announcement comes.
    package var rankingPollInterval: Duration
    /// Between two looks at the outbox when no announcement comes.
    package var outboxPollInterval: Duration

    package init(
        contest: ContestPolicy = .init(), reconciler: ReconcilerSettings = .init(), maximumUploads: Int = 16,
        admission: AdmissionLimits = .init(), throttle: ThrottleLimits = .init(),
        rankingPollInterval: Duration = .seconds(1), outboxPollInterval: Duration = .seconds(5)
    ) {
        self.contest = contest
        self.reconciler = reconciler
        self.maximumUploads = maximumUploads
        self.admission = admission
        self.throttle = throttle
        self.rankingPollInterval = rankingPollInterval
        self.outboxPollInterval = outboxPollInterval
    }
}

/// Everything an API node touches; production and simulation differ in nothing else.
package struct APIEnvironment: Sendable {
    package var node: NodeID
    package var settings: APISettings
    package var users: any UserRepository
    package var videos: any VideoRepository
    package var votes: any VoteRepository
    package var idempotency: any IdempotencyRepository
    package var throttle: any ThrottleRepository
    package var feed: any ChangeFeed
    package var jobs: any JobQueue
    package var deadLetters: any JobQueue
    package var gateway: S3Gateway
    package var probe: any MediaProbe
    package var workspaces: any Workspaces
    package var hasher: any PasswordHasher
    package var metrics: MetricMailbox
    package var clock: any NodeClock
    package var random: any RandomSource
    package var logger: Logger

    package init(
        node: NodeID, settings: APISettings, users: any UserRepository, videos: any VideoRepository,
        votes: any VoteRepository, idempotency: any IdempotencyRepository, throttle: any ThrottleRepository,
        feed: any ChangeFeed, jobs: any JobQueue, deadLetters: any JobQueue, gateway: S3Gateway, probe: any MediaProbe,
        workspaces: any Workspaces, hasher: any PasswordHasher,
        metrics: MetricMailbox, clock: any NodeClock, random: any RandomSource, logger: Logger
    ) {
        self.node = node
        self.settings = settings
        self.users = users
        self.videos = videos
        self.votes = votes
        self.idempotency = idempotency
        self.throttle = throttle
        self.feed = feed
        self.jobs = jobs
        self.deadLetters = deadLetters
        self.gateway = gateway
        self.probe = probe
        self.workspaces = workspaces
        self.hasher = hasher
        self.metrics = metrics
        self.clock = clock
        self.random = random
        self.logger = logger
    }
}

/// `role=api`: the actors that requests enter by, with the OutboxRelay and the Reconciler beside them.
package struct APINode: Sendable {
    package let uploads: UploadCoordinator
    package let accounts: AccountService
    package let ballots: BallotBox
    package let rankings: RankingActor
    package let catalog: PublicCatalog
    package let videos: any VideoRepository
    package let votes: any VoteRepository
    package let gateway: S3Gateway
    package let contest: ContestPolicy
    private let relay: OutboxRelay
    private let reconciler: Reconciler
    private let drainSignal = Signal()
    private let relayEnd = Signal()
    private let clock: any NodeClock

    /// After a drain, waiting votes are decided for this long.
    package static let closeLimit: Duration = .seconds(3)
    /// And what is in the outbox by then is relayed for this long; the other nodes relay the rest.
    package static let relayLimit: Duration = .seconds(1)

    /// Builds the actors; nothing happens before `run()`.
    package init(_ environment: APIEnvironment) {
        let ids = IdentifierSource(random: environment.random)
        let keys = IdempotencyKeys(repository: environment.idempotency, ids: ids, clock: environment.clock)
        clock = environment.clock
        contest = environment.settings.contest
        videos = environment.videos
        votes = environment.votes
        gateway = environment.gateway
        relay = OutboxRelay(
            outbox: environment.videos, feed: environment.feed, jobs: environment.jobs,
            deadLetters: environment.deadLetters, pollInterval: environment.settings.outboxPollInterval,
            clock: environment.clock, random: environment.random, logger: environment.logger)
        uploads = UploadCoordinator(
            maximumUploads: environment.settings.maximumUploads, admission: environment.settings.admission,
            policy: UploadPolicy(contest: contest), videos: environment.videos, gateway: environment.gateway,
            probe: environment.probe,
            workspaces: environment.workspaces, keys: keys, outboxWake: relay.wake, ids: ids,
            clock: environment.clock,
            random: environment.random, logger: environment.logger)
        accounts = AccountService(
            users: environment.users, hasher: environment.hasher,
            throttle: Throttle(
                limits: environment.settings.throttle, repository: environment.throttle, clock: environment.clock),
            ids: ids, gateway: gateway)
        rankings = RankingActor(
            votes: environment.votes, feed: environment.feed, pollInterval: environment.settings.rankingPollInterval,
            clock: environment.clock, random: environment.random, logger: environment.logger)
        ballots = BallotBox(
            contest: contest, votes: environment.votes, feed: environment.feed, rankings: rankings,
            keys: keys, ids: ids,
            clock: environment.clock, random: environment.random, logger: environment.logger)
        catalog = PublicCatalog(videos: environment.videos, clock: environment.clock)
        reconciler = Reconciler(
            settings: environment.settings.reconciler, node: environment.node, videos: environment.videos,
            votes: environment.votes, idempotency: environment.idempotency,
            throttle: environment.throttle, deadLetters: environment.deadLetters,
            gateway: environment.gateway,
            workspaces: environment.workspaces, metrics: environment.metrics, ids: ids, clock: environment.clock,
            logger: environment.logger)
    }

    /// Erases an account; what this node shows from then on is without it.
    /// - Returns: whether it was there.
    package func erase(_ user: UserID) async throws(AccountService.Failure) -> Bool {
        guard try await accounts.erase(user) else { return false }
        await rankings.catchUp()
        await catalog.forget()
        return true
    }

    /// To be called when the node is told to stop: no upload is admitted any more.
    package func beginDrain() async { await uploads.close() }

    /// To be called when no request is under way any more; `run()` returns once waiting votes are decided.
    /// - Parameter keepsRelay: the outbox is relayed until `endRelay()`: a worker of the same process hands back.
    package func drain(keepsRelay: Bool = false) {
        drainSignal.raise()
        if !keepsRelay { relayEnd.raise() }
    }

    package func endRelay() { relayEnd.raise() }

    /// Returns after a drain or when cancelled.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await reconciler.run() }
            group.addTask { await rankings.run() }
            group.addTask { await uploads.run() }
            await withTaskGroup(of: Void.self) { relaying in
                relaying.addTask { await relay.run() }
                await vote()
                for await _ in relayEnd.elements { break }
                // Not cancelled at once: what it has taken from the outbox would wait for its hold to end.
                relay.finish()
                relaying.addTask { do { try await clock.wait(Self.relayLimit) } catch {} }
                await relaying.next()
                relaying.cancelAll()
            }
            group.cancelAll()
        }
    }

    /// Returns when the votes that waited at the drain are decided, or given up.
    private func vote() async {
        await withTaskGroup(of: Void.self) { voting in
            voting.addTask { await ballots.run() }
            for await _ in drainSignal.elements { break }
            await ballots.close()
            voting.addTask { do { try await clock.wait(Self.closeLimit) } catch {} }
            await voting.next()
            voting.cancelAll()
        }
    }
}
