import Actors
import Testing

struct OutboxRelayTests {
    private static func entry(_ number: Int64, _ destination: OutboxDestination = .jobs) -> OutboxEntry {
        OutboxEntry(
            id: number, destination: destination, dispatch: Dispatch(video: id(Int(number)), number: 1),
            delay: .seconds(number))
    }

    private struct Stage {
        let world = World()
        let journal = Journal()
        let left = Box<[OutboxEntry]>([])
        let isAway = Box(false)
        var videos = VideosDouble()
        var jobs = QueueDouble()
        var letters = QueueDouble()

        init(_ entries: [OutboxEntry]) {
            left.set(entries)
            let (left, journal, isAway) = (left, journal, isAway)
            videos.onTakeOutbox = { limit in Array(left.value.prefix(limit)) }
            videos.onRemoveOutbox = { ids in
                left.change { $0.removeAll { ids.contains($0.id) } }
                await journal.note("remove \(ids)")
            }
            jobs.onSend = { messages throws(JobQueueError) in
                if isAway.value { throw .unavailable("away") }
                await journal.note("jobs \(messages.map(\.delay.inSeconds))")
            }
            letters.onSend = { messages in await journal.note("letters \(messages.count)") }
        }

        func relay() -> OutboxRelay {
            OutboxRelay(
                outbox: videos, feed: FeedDouble(), jobs: jobs, deadLetters: letters,
                pollInterval: .seconds(5), clock: world.clock, random: SeededRandom(), logger: .quiet)
        }
    }

    @Test("an entry is sent with its delay, then removed, each to its own queue")
    func order() {
        let stage = Stage([Self.entry(1), Self.entry(2, .deadLetters), Self.entry(3)])
        let relay = stage.relay()
        relay.wake.raise()
        stage.world.start { await relay.run() }
        #expect(stage.journal.entries == ["jobs [1.0, 3.0]", "remove [1, 3]", "letters 1", "remove [2]"])
    }

    @Test("a relay that is told to finish sends what is there, and ends")
    func finish() {
        let stage = Stage((1...12).map { Self.entry($0) })
        let relay = stage.relay()
        let run = stage.world.start { await relay.run() }
        relay.finish()
        stage.world.settle()
        #expect(stage.left.value.isEmpty)
        #expect(run.isOver)
    }

    @Test("more entries than a batch are relayed at one wake")
    func batches() {
        let stage = Stage((1...25).map { Self.entry($0) })
        let relay = stage.relay()
        relay.wake.raise()
        stage.world.start { await relay.run() }
        #expect(stage.left.value.isEmpty)
        #expect(stage.journal.entries.count { $0.hasPrefix("jobs") } == 3)
    }

    @Test("entries are kept while the queue is away, and sent when it is back")
    func queueAway() {
        let stage = Stage([Self.entry(1)])
        stage.isAway.set(true)
        let relay = stage.relay()
        relay.wake.raise()
        stage.world.start { await relay.run() }
        stage.world.advance(.seconds(300))
        #expect(stage.journal.entries.isEmpty)
        #expect(stage.left.value.count == 1)
        stage.isAway.set(false)
        stage.world.advance(.seconds(10))
        #expect(stage.journal.entries == ["jobs [1.0]", "remove [1]"])
    }

    @Test("entries are found by the timer when every announcement was lost")
    func timer() {
        let stage = Stage([])
        let relay = stage.relay()
        stage.world.start { await relay.run() }
        stage.left.set([Self.entry(1)])
        stage.world.advance(.seconds(5))
        #expect(stage.left.value.isEmpty)
    }

    @Test("a database that is away is asked again, and a cancelled relay ends")
    func databaseAway() {
        var stage = Stage([])
        let tries = Box(0)
        stage.videos.onTakeOutbox = { _ throws(RepositoryError) in
            tries.change { $0 += 1 }
            throw away
        }
        let relay = stage.relay()
        relay.wake.raise()
        let run = stage.world.start { await relay.run() }
        stage.world.advance(.seconds(30))
        #expect(tries.value > 3)
        run.cancel()
        stage.world.settle()
        #expect(run.isOver)
    }
}
