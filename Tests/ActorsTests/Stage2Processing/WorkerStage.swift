import Actors
import Testing

/// A supervisor between doubles that note what it asks of them. Change a double before `deliver`.
struct WorkerStage {
    static let video: VideoID = id(7)
    static let receipt = Receipt(handle: "r1")

    let world: World
    let journal = Journal()
    let metrics = MetricMailbox("metrics", capacity: 100)
    var settings = WorkerSettings(slots: 1)
    var videos = VideosDouble()
    var store = StoreDouble()
    var queue = QueueDouble()
    var transcoder = TranscoderDouble()

    init(seed: UInt64? = nil) {
        world = World(seed: seed)
        let journal = journal
        videos.onClaim = { dispatch, token in
            await journal.note("claim")
            return .granted(
                ClaimedJob(
                    dispatch: dispatch, token: token, original: original(of: dispatch.video), attempts: 0,
                    waited: .zero))
        }
        videos.onHeartbeat = { _, _, _ in
            await journal.note("heartbeat")
            return .done
        }
        videos.onCommit = { _, _ in
            await journal.note("commit")
            return .done
        }
        videos.onHandBack = { token in
            await journal.note(token == nil ? "hand back unclaimed" : "hand back")
            return .done
        }
        videos.onRecordFailure = { reason, _ in
            await journal.note("record failure \(reason.code.rawValue)")
            return .retried(attempts: 1)
        }
        videos.onReject = { reason in
            await journal.note("reject \(reason.code.rawValue)")
            return .done
        }
        store.onFetch = { key in await journal.note("fetch \(key)") }
        store.onPut = { key in await journal.note("put \(key)") }
        queue.onExtend = { _ in await journal.note("extend") }
        queue.onDelete = { receipt in await journal.note("delete message \(receipt.handle)") }
        transcoder.onTranscode = { _ in await journal.note("transcode") }
    }

    /// Starts the supervisor with one delivery, and, when `finished`, with none to follow.
    func deliver(job: Bool = true, finished: Bool = false) -> UnderTest {
        let permits = Permits(settings.slots)
        permits.noteTaken()
        let deliveries = Mailbox<Delivery>("deliveries", capacity: settings.slots)
        let supervisor = TranscodeSupervisor(
            settings: settings, node: id(99), permits: permits, deliveries: deliveries, queue: queue, videos: videos,
            gateway: store.gateway(world), transcoder: transcoder, workspaces: WorkspacesDouble(journal: journal),
            metrics: metrics, ids: IdentifierSource(random: SeededRandom()), clock: world.clock,
            random: FixedRandom(value: 0), logger: .quiet)
        let message = ReceivedMessage(
            receipt: Self.receipt, job: job ? JobMessage(Dispatch(video: Self.video, number: 1)) : nil,
            receiveCount: 1)
        deliveries.send(Delivery(message: message, receivedAt: world.clock.now))
        if finished { deliveries.finish() }
        let run = world.start { await supervisor.run() }
        return UnderTest(supervisor: supervisor, permits: permits, deliveries: deliveries, run: run)
    }

    struct UnderTest {
        let supervisor: TranscodeSupervisor
        let permits: Permits
        let deliveries: Mailbox<Delivery>
        let run: Running<Void>
    }

    /// What was told to the metrics.
    func events() throws -> [MetricEvent] {
        metrics.finish()
        let metrics = metrics
        return try world.value {
            var all: [MetricEvent] = []
            for await event in metrics.elements { all.append(event) }
            return all
        }
    }

    var deleted: Bool { journal.contains("delete message r1") }
    var put: Bool { journal.entries.contains { $0.hasPrefix("put") } }
}

/// A transcode that goes on until it is cancelled or the gate opens.
func transcoding(until gate: Gate, _ journal: Journal)
    -> @Sendable (@escaping @Sendable (Int) -> Void) async throws(TranscodeError) -> Void
{
    { _ throws(TranscodeError) in
        await journal.note("transcode")
        if await !gate.pass() {
            await journal.note("transcode cancelled")
            throw .cancelled
        }
    }
}
