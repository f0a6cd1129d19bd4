import Actors
import Testing

struct QueueConsumerTests {
    private static func message(_ number: Int) -> ReceivedMessage {
        ReceivedMessage(
            receipt: Receipt(handle: "r\(number)"), job: JobMessage(Dispatch(video: id(number), number: 1)),
            receiveCount: 1)
    }

    private static func consumer(
        _ world: World, permits: Permits, queue: QueueDouble, videos: VideosDouble = VideosDouble(),
        workspaces: WorkspacesDouble = WorkspacesDouble(journal: Journal())
    ) -> QueueConsumer {
        QueueConsumer(
            settings: WorkerSettings(slots: permits.count), permits: permits, queue: queue, videos: videos,
            gateway: StoreDouble().gateway(world), workspaces: workspaces, clock: world.clock, random: SeededRandom(),
            logger: .quiet)
    }

    @Test("nothing is pulled while the disk is full")
    func fullDisk() {
        let world = World()
        let pulled = Box(0)
        let queue = QueueDouble(onReceive: {
            pulled.change { $0 += 1 }
            return [Self.message(1)]
        })
        var disk = WorkspacesDouble(journal: Journal())
        disk.isFull = true
        let consumer = Self.consumer(world, permits: Permits(1), queue: queue, workspaces: disk)
        world.start { await consumer.run() }
        world.advance(.seconds(60))
        #expect(pulled.value == 0)
    }

    @Test("no more messages are pulled than slots are free")
    func backPressure() {
        let world = World()
        let pulled = Box(0)
        let queue = QueueDouble(onReceive: {
            [
                Self.message(
                    pulled.change { count in
                        count += 1
                        return count
                    })
            ]
        })
        let permits = Permits(2)
        let consumer = Self.consumer(world, permits: permits, queue: queue)
        world.start { await consumer.run() }
        world.start { for await _ in consumer.deliveries.elements {} }
        world.advance(.seconds(600))
        #expect(pulled.value == 2)
        permits.release()
        world.settle()
        #expect(pulled.value == 3)
        #expect(permits.taken == 2)
        #expect(consumer.deliveries.dropped == 0)
    }

    @Test("nothing is pulled while the database is away")
    func databaseAway() {
        let world = World()
        let pulled = Box(0)
        let isAway = Box(true)
        let queue = QueueDouble(onReceive: {
            pulled.change { $0 += 1 }
            return [Self.message(1)]
        })
        let videos = VideosDouble(onCheck: { () throws(RepositoryError) in if isAway.value { throw away } })
        let consumer = Self.consumer(world, permits: Permits(1), queue: queue, videos: videos)
        world.start { await consumer.run() }
        world.advance(.seconds(60))
        #expect(pulled.value == 0)
        isAway.set(false)
        world.advance(.seconds(10))
        #expect(pulled.value == 1)
    }

    @Test("a drain ends the poll and the deliveries, and a message that was taken meanwhile is delivered")
    func drain() throws {
        let world = World()
        let poll = Gate()
        let queue = QueueDouble(onReceive: {
            await poll.pass()
            return [Self.message(1)]
        })
        let permits = Permits(2)
        let consumer = Self.consumer(world, permits: permits, queue: queue)
        let run = world.start { await consumer.run() }
        #expect(permits.taken == 1)
        consumer.drain()
        world.settle()
        #expect(run.isOver)
        let delivered = try world.value {
            var all: [String] = []
            for await delivery in consumer.deliveries.elements { all.append(delivery.message.receipt.handle) }
            return all
        }
        #expect(delivered == ["r1"])
        #expect(permits.taken == 1)
    }
}
