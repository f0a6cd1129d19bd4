import Actors
import FoundationEssentials
import Testing

struct ReconcilerTests {
    @Test("each verdict on a dead letter leads to its removal or to its stay")
    func verdicts() {
        for (verdict, isDeleted) in [
            (DeadLetterVerdict.wait, false), (.keep, false), (.failed, false), (.delete, true),
        ] {
            var stage = Stage()
            stage.letters = [1]
            stage.videos.onJudge = { _ in verdict }
            stage.runOnce()
            #expect(stage.journal.contains("delete letter r1") == isDeleted, "\(verdict)")
        }
    }

    @Test("a letter of unknown format stays, unjudged")
    func unknownFormat() {
        var stage = Stage()
        stage.letters = [1]
        stage.lettersHaveJobs = false
        stage.videos.onJudge = { [journal = stage.journal] _ in
            await journal.note("judge")
            return .delete
        }
        stage.runOnce()
        #expect(stage.journal.entries.isEmpty)
    }

    @Test("a failing step does not keep the others from their round")
    func steps() {
        var stage = Stage()
        let journal = stage.journal
        stage.videos.onRedispatchLost = { () throws(RepositoryError) in throw away }
        stage.letters = [1]
        stage.videos.onJudge = { _ throws(RepositoryError) in throw away }
        stage.votes.onPrune = { await journal.note("prune") }
        stage.store.onList = { _, _, _ in
            await journal.note("list")
            return []
        }
        stage.settings.sweepInterval = .zero
        stage.runOnce()
        #expect(journal.entries == ["prune", "list", "list"])
    }

    @Test("a node without the Reconciler's lease does nothing")
    func oneAtATime() {
        var stage = Stage()
        let journal = stage.journal
        stage.videos.onHoldReconcilerLease = { nil }
        stage.votes.onPrune = { await journal.note("prune") }
        stage.videos.onRedispatchLost = {
            await journal.note("redispatch")
            return 0
        }
        stage.runOnce()
        #expect(journal.entries.isEmpty)
    }

    @Test("only objects older than the orphan age are asked about, and only orphans are removed")
    func orphans() {
        var stage = Stage()
        let now = stage.wall.now
        let names = ["a": 3601.0, "b": 3600, "c": 10, "d": 99_999]
        stage.store.onList = { prefix, after, _ in
            guard prefix == .original, after == nil else { return [] }
            return names.sorted { $0.key < $1.key }.map { name, age in
                ObjectAttributes(
                    key: ObjectKey("original/\(name)"), sizeBytes: 1, modifiedAt: now.addingTimeInterval(-age))
            }
        }
        let asked = Box<[String]>([])
        stage.videos.onOrphans = { keys in
            asked.set(keys.map(\.name))
            return [ObjectKey("original/d")]
        }
        stage.store.onDelete = { [journal = stage.journal] keys in await journal.note("delete \(keys)") }
        stage.runOnce()
        #expect(asked.value.isEmpty, "what is being restored at the start is no orphan yet")
        stage.world.advance(.seconds(3600))
        #expect(asked.value == ["original/a", "original/d"])
        #expect(stage.journal.entries == ["delete [original/d]"])
    }

    @Test("objects are searched at each sweep, not at each round, and again soon after a failure")
    func sweeps() {
        var stage = Stage()
        let lists = Box(0)
        let isAway = Box(true)
        stage.store.onList = { _, _, _ throws(ObjectStoreError) in
            lists.change { $0 += 1 }
            if isAway.value { throw .unavailable("503") }
            return []
        }
        let reconciler = stage.reconciler()
        stage.world.start { await reconciler.run() }
        #expect(lists.value == 0)
        stage.world.advance(.seconds(3600))
        #expect(lists.value == 1)
        isAway.set(false)
        stage.world.advance(.seconds(30))
        #expect(lists.value == 3)
        stage.world.advance(.seconds(3590))
        #expect(lists.value == 3)
        stage.world.advance(.seconds(30))
        #expect(lists.value == 5)
    }
}

private struct Stage {
    let world = World()
    let journal = Journal()
    let wall = ManualWallClock()
    var videos = VideosDouble()
    var votes = VotesDouble()
    var store = StoreDouble()
    var settings = ReconcilerSettings()
    /// Seen once each.
    var letters: [Int] = []
    var lettersHaveJobs = true

    func reconciler() -> Reconciler {
        let left = Box(letters)
        let (journal, haveJobs) = (journal, lettersHaveJobs)
        let queue = QueueDouble(
            onReceive: {
                left.change { left in
                    defer { left = [] }
                    return left
                }.map { number in
                    ReceivedMessage(
                        receipt: Receipt(handle: "r\(number)"),
                        job: haveJobs ? JobMessage(Dispatch(video: id(number), number: 1)) : nil, receiveCount: 1)
                }
            }, onDelete: { receipt in await journal.note("delete letter \(receipt.handle)") })
        return Reconciler(
            settings: settings, node: id(99), videos: videos, votes: votes, idempotency: KeysDouble(),
            throttle: ThrottleDouble(), deadLetters: queue,
            gateway: store.gateway(world, wallClock: wall), workspaces: WorkspacesDouble(journal: journal),
            metrics: MetricMailbox("metrics", capacity: 8), ids: IdentifierSource(random: SeededRandom()),
            clock: world.clock, logger: .quiet)
    }

    /// The round that the start makes, and no other.
    func runOnce() {
        let reconciler = reconciler()
        world.start { await reconciler.run() }
    }
}
