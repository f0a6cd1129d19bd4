import Actors
import Glibc
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Transport
import UnixSignals

/// Runs one node from start to its orderly end.
///
/// Order of a drain: health says 503 and nothing is pulled any more; after the notice the listener closes and requests
/// under way end; waiting votes are decided; transcodes end or are handed back; metrics are flushed; the database is
/// let go of. A second signal ends the process at once.
package struct NodeRuntime: Sendable {
    private let role: NodeRole
    private let id: NodeID
    private let configuration: NodeConfiguration
    private let logger: Logger
    private let isBenchmark: Bool

    /// - Parameter isBenchmark: with `BenchmarkRoutes`.
    package init(role: NodeRole, configuration: NodeConfiguration, logger: Logger, isBenchmark: Bool = false) {
        self.isBenchmark = isBenchmark
        self.role = role
        self.configuration = configuration
        id = IdentifierSource(random: SystemRandomSource()).make()
        var logger = logger
        logger[metadataKey: "node"] = "\(id)"
        logger[metadataKey: "role"] = "\(role.rawValue)"
        self.logger = logger
    }

    /// Returns after a signal and the drain.
    /// - Throws: `NodeFailure` when the node cannot start or what it stands on breaks.
    package func run() async throws {
        // Trapped before anything is started, so that an early signal is not lost.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let drain = DrainControl(logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await drain.listen(to: signals) }
            try await Self.race({ try await live(drain) }, { await drain.stopOfStart() })
            group.cancelAll()
        }
        logger.info("stopped")
    }

    /// Returns when the first of both does; the other is cancelled, and what it throws then is nobody's concern.
    private static func race(
        _ first: @escaping @Sendable () async throws -> Void, _ second: @escaping @Sendable () async -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await first() }
            group.addTask { await second() }
            try await group.next()
            group.cancelAll()
        }
    }

    /// From the node's parts to the last of its actors.
    private func live(_ drain: DrainControl) async throws {
        let parts = try await NodeParts(configuration, role: role, id: id, logger: logger)
        do {
            try await live(drain, parts)
        } catch {
            await parts.stop()
            throw error
        }
        await parts.stop()
    }

    private func live(_ drain: DrainControl, _ parts: NodeParts) async throws {
        let metrics = MetricsEmitter(
            namespaces: (role.servesAPI ? [.backend] : []) + (role.transcodes ? [.worker] : []),
            interval: configuration.seconds("metrics.intervalSeconds"),
            sink: FileDescriptorSink(descriptor: STDOUT_FILENO), meter: ProcessMeter(), clock: parts.clock,
            wallClock: parts.wallClock)
        let worker = role.transcodes ? try await makeWorker(parts, metrics.events) : nil
        let api = role.servesAPI ? try await makeAPI(parts, metrics.events) : nil
        let status = NodeStatus()
        let listening = Signal()
        var listener: ServiceGroup?
        var callers: Callers?
        if let api {
            let services = try await makeServices(api, parts, status, metrics.events)
            callers = services.callers
            listener = makeListener(services, parts.database.client, listening)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await metrics.run() }
            // Only the API tells of it, and each look at SQS is a request that is paid for.
            if api != nil { group.addTask { await status.watch(parts) } }
            let drained = Drain(
                notice: configuration.seconds("drain.noticeSeconds"), status: status, worker: worker, api: api,
                listener: listener, clock: parts.clock)
            guard drain.nodeIsUp(drained) else { return group.cancelAll() }
            if let callers, let api { group.addTask { await callers.watch(parts.feed, api.catalog) } }
            try await work(worker: worker, api: api, listener: drained.listener, listening: listening)
            metrics.events.finish()
            group.cancelAll()
        }
    }

    /// Returns when the roles are over; a listener that fails ends them all.
    ///
    /// The worker waits for the listener: a node that cannot have its port must not have taken a job by then. And the
    /// outbox is relayed until the worker has handed back what it had.
    private func work(worker: WorkerNode?, api: APINode?, listener: ServiceGroup?, listening: Signal) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let worker {
                group.addTask {
                    if listener != nil { for await _ in listening.elements { break } }
                    if !Task.isCancelled { await worker.run() }
                    api?.endRelay()
                }
            }
            if let api, let listener {
                group.addTask { await api.run() }
                group.addTask {
                    do { try await listener.run() } catch {
                        throw NodeFailure.start(Self.sentence(for: error, port: configuration.integer("http.port")))
                    }
                    // Also when it never listened: the worker was told to drain, too.
                    listening.raise()
                    api.drain(keepsRelay: worker != nil)
                }
            }
            // Not waitForAll(), which would wait for the others before it throws: one that fails ends them all.
            while try await group.next() != nil {}
        }
    }

    private static func sentence(for error: any Error, port: Int) -> String {
        if let error = error as? IOError {
            switch error.errnoCode {
            case EADDRINUSE:
                return
                    "port \(port) is in use by another process: choose another with port=NUMBER, or port=0 for a free one"
            case EACCES: return "port \(port) may not be opened by this user: ports below 1024 need root"
            default: break
            }
        }
        return "the API cannot listen on port \(port): \(error)"
    }

    // MARK: - Roles

    private func makeAPI(_ parts: NodeParts, _ metrics: MetricMailbox) async throws -> APINode {
        let tools = try await Self.findTools(configuration, logger: logger)
        return APINode(
            APIEnvironment(
                node: parts.id, settings: configuration.api, users: parts.users, videos: parts.videos,
                votes: parts.votes, idempotency: parts.idempotency, throttle: parts.throttle, feed: parts.feed,
                jobs: parts.jobs, deadLetters: parts.deadLetters,
                gateway: parts.gateway, probe: FFprobeMediaProbe(tools: tools),
                workspaces: parts.workspaces, hasher: ScryptPasswordHasher(), metrics: metrics, clock: parts.clock,
                random: parts.random, logger: logger))
    }

    private func makeWorker(_ parts: NodeParts, _ metrics: MetricMailbox) async throws -> WorkerNode {
        WorkerNode(
            WorkerEnvironment(
                node: parts.id, settings: configuration.worker, videos: parts.videos, feed: parts.feed,
                jobs: parts.jobs, gateway: parts.gateway,
                transcoder: try await Self.makeTranscoder(
                    configuration, cache: parts.folder.path + "/brand", logger: logger),
                workspaces: parts.workspaces, metrics: metrics, clock: parts.clock, random: parts.random,
                logger: logger))
    }

    private func makeServices(
        _ api: APINode, _ parts: NodeParts, _ status: NodeStatus, _ metrics: MetricMailbox
    ) async throws -> APIServices {
        let tokens = await TokenAuthority(
            keys: parts.tokenKeys, life: configuration.seconds("auth.tokenSeconds"), wallClock: parts.wallClock)
        return APIServices(
            node: api, users: parts.users,
            callers: Callers(tokens: tokens, users: parts.users, clock: parts.clock), tokens: tokens, status: status,
            publicURL: configuration.text("http.publicURL"),
            maximumBodyBytes: configuration.integer("http.maxBodyBytes"),
            maximumJSONDepth: configuration.integer("http.maxJSONDepth"),
            corsOrigins: configuration.list("http.corsOrigins"), proxies: try Self.proxies(configuration),
            metrics: metrics, clock: parts.clock,
            random: parts.random, logger: logger,
            media: parts.media)
    }

    /// Files, tools and the database need descriptors, too.
    static let reservedDescriptors = 256

    private var maximumConnections: Int {
        let wanted = configuration.integer("http.maxConnections")
        let possible = max(8, DescriptorLimit.raise() - Self.reservedDescriptors)
        if possible < wanted {
            logger.notice(
                "connections are bound by the limit of descriptors",
                metadata: ["http.maxConnections": "\(wanted)", "possible": "\(possible)"])
        }
        return min(wanted, possible)
    }

    private static func proxies(_ configuration: NodeConfiguration) throws -> TrustedProxies {
        TrustedProxies(
            try configuration.list("http.trustedProxies").map { text in
                guard let block = NetworkBlock(text) else {
                    throw NodeFailure.usage(
                        "http.trustedProxies: \(text) is no address and no block such as 10.0.0.0/8")
                }
                return block
            })
    }

    private func makeListener(_ services: APIServices, _ client: PostgresClient, _ listening: Signal) -> ServiceGroup {
        let benchmark = BenchmarkRoutes(services: services) {
            try await client.query(PostgresStatement("benchmark_hold", "SELECT pg_sleep(5)"))
        }
        var quiet = logger
        quiet.logLevel = .warning
        let limits = ConnectionLimits(
            headerTime: .seconds(Int64(configuration.integer("http.headerSeconds"))),
            leastBodyRate: configuration.integer("http.leastBodyRate"),
            bodyWindow: .seconds(Int64(configuration.integer("http.bodyWindowSeconds"))),
            writeTime: .seconds(Int64(configuration.integer("http.idleSeconds"))))
        let connections = ConnectionTable(
            maximum: maximumConnections, maximumOfAddress: configuration.integer("http.maxConnectionsPerAddress"),
            proxies: services.proxies)
        let (metrics, random) = (services.metrics, services.random)
        let logger = logger
        let application = Application(
            router: APIRoutes.router(services, benchmark: isBenchmark ? benchmark : nil),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        ConnectionGuard(limits: limits, table: connections, metrics: metrics, random: random),
                        UnfinishedRequestHandler(),
                    ],
                    idleTimeout: .seconds(Int64(configuration.integer("http.idleSeconds"))),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: configuration.integer("http.maxHeaderBytes"),
                        maxHeaderListSize: configuration.integer("http.maxHeaderBytes"),
                        maxHeaderFieldCount: configuration.integer("http.maxHeaderFields")))),
            configuration: .init(
                address: .hostname(configuration.text("http.host"), port: configuration.integer("http.port")),
                serverName: nil),
            onServerRunning: { channel in
                logger.notice("listening", metadata: ["port": "\(channel.localAddress?.port ?? 0)"])
                listening.raise()
            },
            logger: quiet)
        var group = ServiceGroupConfiguration(services: [application], logger: quiet)
        group.maximumGracefulShutdownDuration = configuration.seconds("drain.graceSeconds")
        return ServiceGroup(configuration: group)
    }

    package static func makeTranscoder(_ configuration: NodeConfiguration, cache: String, logger: Logger) async throws
        -> FFmpegTranscoder
    {
        let tools = try await findTools(configuration, logger: logger)
        do {
            let kit = try await BrandKit.prepare(in: cache, brandDir: configuration.brandDir, tools: tools)
            logger.info("intro, outro and watermark are ready", metadata: ["folder": "\(cache)"])
            let budget = configuration.integer("worker.memoryBudget")
            let memory = budget > 0 ? Int64(budget) : MachineMemory.bytes / 3 * 2
            return FFmpegTranscoder(
                tools: tools, kit: kit, memory: MemoryBudget(capacity: memory), logger: logger)
        } catch {
            throw NodeFailure.start("intro, outro and watermark cannot be prepared: \(error)")
        }
    }

    static func findTools(_ configuration: NodeConfiguration, logger: Logger) async throws -> FFmpegTools {
        var settings = FFmpegSettings()
        settings.threads = configuration.integer("worker.threads")
        settings.maximumPixels = configuration.integer("contest.maxPixels")
        do { return try await FFmpegTools.find(settings, logger: logger) } catch {
            throw NodeFailure.start(error.description)
        }
    }
}
