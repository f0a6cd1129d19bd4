import Actors
import FoundationEssentials
import Testing

/// Defects that were in the actors once.
struct RegressionTests {
    @Test("a client that goes away after a lost answer does not take the original of a committed row")
    func cancelledRecord() {
        var stage = UploadStage()
        stage.videos.onCreate = { [journal = stage.journal] _ throws(RepositoryError) in
            await journal.note("row committed, answer lost")
            throw away
        }
        let upload = stage.receive()
        upload.cancel()
        stage.world.settle()
        #expect(upload.isOver)
        #expect(!stage.journal.contains("delete 1 original"))
    }

    @Test("while a commit is unanswered the message is extended now and then, not in a busy loop")
    func slowCommit() {
        var stage = WorkerStage()
        let (gate, commit) = (Gate(), Gate())
        stage.transcoder.onTranscode = transcoding(until: gate, stage.journal)
        stage.videos.onCommit = { _, _ in
            await commit.pass()
            return .done
        }
        _ = stage.deliver()
        stage.world.advance(.seconds(35))
        gate.open()
        stage.world.settle()
        stage.world.advance(.seconds(20))
        #expect((1...20).contains(stage.journal.count(of: "extend")))
        commit.open()
        stage.world.settle()
        #expect(stage.deleted)
    }

    @Test("a heartbeat that never returns does not keep the work running beyond its lease")
    func hungHeartbeat() {
        var stage = WorkerStage()
        let never = Gate()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        stage.videos.onHeartbeat = { _, _, _ throws(RepositoryError) in
            if await !never.pass() { throw away }
            return .done
        }
        _ = stage.deliver()
        stage.world.advance(.seconds(95))
        #expect(stage.journal.contains("transcode cancelled"))
        #expect(stage.journal.contains("hand back"))
    }

    @Test("a drain without grace stops a delivery that arrives at the same moment", arguments: [0..<300])
    func drainWithoutGrace(_ seeds: Range<Int>) {
        for seed in seeds {
            var stage = WorkerStage(seed: UInt64(seed))
            stage.settings.drainGrace = .zero
            stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
            let test = stage.deliver(finished: true)
            stage.world.advance(.seconds(6))
            #expect(test.run.isOver, "seed \(seed)")
            #expect(
                stage.journal.entries.contains { $0.contains("hand back") }, "seed \(seed): \(stage.journal.entries)")
        }
    }

    @Test("a vote that was shown stays shown while the ranking loads anew")
    func reload() throws {
        var stage = RankingStage()
        let (isBehind, loads, gate) = (Box(false), Box(0), Gate())
        stage.votes.onDeltas = { _ in
            let wasBehind = isBehind.change { behind in
                defer { behind = false }
                return behind
            }
            return wasBehind ? .behind : .deltas([], more: false)
        }
        stage.votes.onSnapshot = { [snapshot = stage.snapshot] in
            let read = snapshot.value
            let number = loads.change { count in
                count += 1
                return count
            }
            if number == 2 { await gate.pass() }
            return read
        }
        let actor = stage.ranking()
        stage.world.start { await actor.run() }
        isBehind.set(true)
        stage.world.advance(.seconds(1))
        #expect(loads.value == 2)
        // Committed after the snapshot was read.
        actor.ownDeltas.send(OwnDelta(delta: RankingStage.delta(1), previous: 0))
        let reached = stage.world.start { await actor.reached(1, of: RankingStage.lane) }
        stage.world.advance(.milliseconds(100))
        gate.open()
        stage.world.advance(.milliseconds(100))
        #expect(reached.isOver)
        #expect(try stage.total(actor) == 1)
    }

    @Test("a reader who goes away takes nobody else's page with them")
    func cancelledReader() {
        let world = World()
        let gate = Gate()
        let videos = VideosDouble(onPublicVideos: { _ throws(RepositoryError) in
            if await !gate.pass() { throw .unavailable("cancelled") }
            return PublicVideoPage(videos: [], total: 3)
        })
        let catalog = PublicCatalog(videos: videos, clock: world.clock)
        let query = PublicVideoQuery(city: nil, sort: .recent, skip: 0, limit: 20)
        let readers = (0..<3).map { _ in
            world.start { await outcome(RepositoryError.self) { try await catalog.page(query) } }
        }
        readers[0].cancel()
        world.settle()
        #expect(readers[0].isOver)
        #expect(!readers[1].isOver && !readers[2].isOver)
        gate.open()
        world.settle()
        #expect(readers[1].value == .returned(PublicVideoPage(videos: [], total: 3)))
        #expect(readers[2].value == .returned(PublicVideoPage(videos: [], total: 3)))
    }

    @Test("the number of routes is bounded for the life of the process")
    func routes() {
        let stage = MetricsStage([.backend])
        stage.world.start { await stage.emitter.run() }
        for interval in 0..<5 {
            for number in 0..<50 {
                stage.emitter.events.send(
                    .request(route: "/\(number)", method: "M\(interval)", status: 200, duration: .zero))
            }
            stage.world.advance(.seconds(60))
        }
        #expect(Set(stage.lines.compactMap { $0.texts["Route"] }).count <= MetricsEmitter.maximumRoutes + 1)
    }

    @Test("objects beyond the bound of one sweep are reached by the next ones")
    func sweepGoesOn() {
        let world = World()
        let wall = ManualWallClock()
        let names = (0..<12_000).map { number in
            let digits = String(number)
            return ObjectKey("original/\(String(repeating: "0", count: 6 - digits.count))\(digits)")
        }
        let store = StoreDouble(onList: { prefix, after, limit in
            guard prefix == .original else { return [] }
            let rest = names.drop { key in after.map { key <= $0 } ?? false }
            return rest.prefix(limit).map {
                ObjectAttributes(key: $0, sizeBytes: 1, modifiedAt: Date(timeIntervalSince1970: 0))
            }
        })
        let asked = Box<Set<ObjectKey>>([])
        let videos = VideosDouble(onOrphans: { keys in
            asked.change { $0.formUnion(keys) }
            return []
        })
        let reconciler = Reconciler(
            settings: ReconcilerSettings(), node: id(99), videos: videos, votes: VotesDouble(),
            idempotency: KeysDouble(), throttle: ThrottleDouble(), deadLetters: QueueDouble(),
            gateway: store.gateway(world, wallClock: wall),
            workspaces: WorkspacesDouble(journal: Journal()), metrics: MetricMailbox("metrics", capacity: 8),
            ids: IdentifierSource(random: SeededRandom()),
            clock: world.clock, logger: .quiet)
        world.start { await reconciler.run() }
        world.advance(.seconds(7300))
        #expect(asked.value.count == 12_000)
    }

    @Test("a cut username ends with a letter or a digit")
    func username() {
        let base = Username.base(firstName: String(repeating: "a", count: 39), lastName: "b")
        #expect(!base.hasSuffix("."))
    }

    @Test("a message that was sent is not sent again because its entry could not be removed")
    func sentOnce() {
        let world = World()
        let journal = Journal()
        let left = Box(1)
        let isAway = Box(true)
        let videos = VideosDouble(
            onTakeOutbox: { _ in
                left.change { left in
                    defer { left = 0 }
                    return left
                } == 0
                    ? []
                    : [
                        OutboxEntry(
                            id: 1, destination: .jobs, dispatch: Dispatch(video: id(1), number: 1), delay: .zero)
                    ]
            },
            onRemoveOutbox: { _ throws(RepositoryError) in
                if isAway.value { throw away }
                await journal.note("remove")
            })
        let jobs = QueueDouble(onSend: { _ in await journal.note("send") })
        let relay = OutboxRelay(
            outbox: videos, feed: FeedDouble(), jobs: jobs, deadLetters: QueueDouble(),
            pollInterval: .seconds(5), clock: world.clock, random: SeededRandom(), logger: .quiet)
        relay.wake.raise()
        world.start { await relay.run() }
        world.advance(.seconds(3))
        isAway.set(false)
        world.advance(.seconds(6))
        #expect(journal.entries == ["send", "remove"])
    }
}
