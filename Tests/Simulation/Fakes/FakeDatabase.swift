import Actors

/// The database in memory: each method is one atomic effect at the database's own, unskewed time.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class FakeDatabase: @unchecked Sendable {
    let simulation: Simulation
    let invariants: Invariants
    package let service = Service("database")
    package internal(set) var videos: [VideoID: VideoRow] = [:]
    /// Videos that were ever made: their events outlive them.
    private var known: Set<VideoID> = []
    var outbox: [OutboxRow] = []
    private var nextOutboxID: Int64 = 1
    var users: [UserID: Account] = [:]
    var usersInOrder: [UserID] = []
    var votes = FakeVotes()
    var keys: [IdempotencyKey: KeyRow] = [:]
    var reconciler: (node: NodeID, until: Int64)?
    private var listeners: [(node: SimulatedNode, channel: ChangeChannel, signal: AsyncStream<Void>.Continuation)] = []
    /// The videos that keys name; taking a name apart is dear.
    var videosOfKeys: [ObjectKey: VideoID] = [:]
    /// Announcements that get lost, in thousandths.
    package var lostAnnouncements = 0

    var now: Int64 { simulation.now }

    package init(_ simulation: Simulation, invariants: Invariants) {
        self.simulation = simulation
        self.invariants = invariants
    }

    /// Rows in an order that no hash decides.
    package var sortedVideos: [VideoRow] {
        videos.values.sorted { ($0.createdAt, $0.video.id) < ($1.createdAt, $1.video.id) }
    }

    // MARK: - Rows and outbox

    func create(_ video: NewVideo, maximumPerPlayer: Int) -> CreateVideoVerdict {
        guard users[video.owner] != nil else { return .unknownOwner }
        if let answer = video.answerOnce, key(of: answer.token) == nil { return .superseded }
        if known.contains(video.id) { return .created }
        guard videos.values.count(where: { $0.video.owner == video.owner }) < maximumPerPlayer else {
            return .tooManyVideos(maximum: maximumPerPlayer)
        }
        if let answer = video.answerOnce {
            remember(answer)
            if let key = key(of: answer.token) { invariants.tookEffect(key) }
        }
        known.insert(video.id)
        invariants.created(video)
        let token = IdentifierSource(random: SimulatedRandom(simulation)).make(Lease.self)
        videos[video.id] = VideoRow(video: video, createdAt: now, token: token, touchedAt: now)
        enqueue(.jobs, Dispatch(video: video.id, number: 1), delay: .zero)
        invariants.dispatched(video.id, to: 1)
        return .created
    }

    func enqueue(_ destination: OutboxDestination, _ dispatch: Dispatch, delay: Duration) {
        outbox.append(
            OutboxRow(id: nextOutboxID, destination: destination, dispatch: dispatch, dueAt: now + nanoseconds(delay)))
        nextOutboxID += 1
        announce(.outbox)
    }

    var backlog: Backlog {
        let rows = videos.values.filter { !$0.state.isTerminal }
        let due = outbox.filter { $0.dueAt <= now }
        return Backlog(
            waiting: rows.count { !$0.hasLiveLease(at: now) }, inWork: rows.count { $0.hasLiveLease(at: now) },
            oldestUnfinished: rows.map(\.touchedAt).min().map { .nanoseconds(now - $0) }, outbox: outbox.count,
            oldestOutbox: due.map(\.dueAt).min().map { .nanoseconds(now - $0) }, transcode: nil)
    }

    func takeOutbox(limit: Int, holdFor duration: Duration) -> [OutboxEntry] {
        var taken: [OutboxEntry] = []
        for index in outbox.indices where outbox[index].heldUntil <= now && taken.count < limit {
            outbox[index].heldUntil = now + nanoseconds(duration)
            let row = outbox[index]
            taken.append(
                OutboxEntry(
                    id: row.id, destination: row.destination, dispatch: row.dispatch,
                    delay: .nanoseconds(max(0, row.dueAt - now))))
        }
        return taken
    }

    func removeOutbox(_ ids: [Int64]) {
        for entry in outbox where ids.contains(entry.id) { invariants.removing(entry) }
        outbox.removeAll { ids.contains($0.id) }
    }

    package func hasOutboxEntry(_ dispatch: Dispatch) -> Bool { outbox.contains { $0.dispatch == dispatch } }

    /// The row goes, its objects stay for the Reconciler; the worker is told.
    package func erase(_ id: VideoID) {
        guard videos.removeValue(forKey: id) != nil else { return }
        invariants.removed(id)
        outbox.removeAll { $0.dispatch.video == id }
        simulation.record("db.erase", id.word, detail: invariants.label(id))
        announce(.videos)
    }

    func delete(_ id: VideoID, by owner: UserID) -> DeleteVideoVerdict {
        guard let row = videos[id] else { return .unknown }
        guard row.video.owner == owner else { return .notOwner }
        guard row.state != .processed else { return .processed }
        erase(id)
        return .deleted(objects: [row.video.original.key, .processedVideo(id), .poster(id)])
    }

    func eraseAccount(_ id: UserID) -> ErasedAccount? {
        guard users.removeValue(forKey: id) != nil else { return nil }
        usersInOrder.removeAll { $0 == id }
        let mine = sortedVideos.filter { $0.video.owner == id }.map(\.video)
        for video in mine { erase(video.id) }
        keys = keys.filter { $0.key.user != id }
        votes.takeBack(voter: id, videos: mine.map(\.id), at: now)
        announce(.votes)
        announce(.accounts)
        return ErasedAccount(
            objects: mine.flatMap { [$0.original.key, .processedVideo($0.id), .poster($0.id)] })
    }

    // MARK: - Announcements

    func changes(on channel: ChangeChannel, for node: SimulatedNode) -> AsyncStream<Void> {
        let (stream, signal) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        listeners.append((node, channel, signal))
        signal.yield()
        return stream
    }

    func announce(_ channel: ChangeChannel) {
        listeners.removeAll { !$0.node.isAlive }
        for listener in listeners where listener.channel == channel {
            if simulation.tape.chance(lostAnnouncements, .fault) { continue }
            let signal = listener.signal
            let delay = simulation.tape.nanoseconds(1_000_000...50_000_000, .latency)
            simulation.at(now + delay, node: listener.node) { signal.yield() }
        }
    }

    package func tearDown() { listeners = [] }
}
