import Actors

/// What a clip does to the transcoder, and so what must become of it.
package enum ClipKind: Sendable, Equatable {
    case healthy
    /// No retry can help.
    case poison
    /// The first `failures` transcodes that end fail.
    case flaky(failures: Int)
}

/// The delivery rule's invariants, checked at each effect against a history of its own, so that a wrong guard in the
/// database's fake is found as well as a wrong actor.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class Invariants: @unchecked Sendable {
    struct History {
        let label: String
        let kind: ClipKind
        var dispatch = 0
        /// Distinct claims of the current dispatch.
        var claims = 0
        var holder: (token: LeaseToken, until: Int64)?
        var ownFailures = 0
        var failedDispatches: [Int] = []
        var isTerminal = false
        var isRejected = false
        var wasLost = false
        /// Transcodes that ended in a failure.
        var transcoderFailures = 0
        /// Transcodes that never ended.
        var hangs = 0
    }

    private struct Clip {
        let kind: ClipKind
        let hasKey: Bool
        /// Videos made of it: an upload whose answer was lost is sent again.
        var copies = 0
    }

    let simulation: Simulation
    private var clips: [String: Clip] = [:]
    /// What people are called in a timeline.
    private var names: [UserID: String] = [:]
    /// Videos whose deletion was confirmed to a client.
    private var gone: Set<VideoID> = []
    private var effects: Set<IdempotencyKey> = []
    private(set) var histories: [VideoID: History] = [:]
    /// A run without faults keeps stronger promises.
    package var isCalm = false
    /// Some process was told to end: what it had asked for may come back to nobody.
    var hadDrains = false
    /// What has gone to a queue, ever.
    private var sent: Set<Sent> = []
    private var removedAt: [VideoID: Int64] = [:]
    /// Without faults a worker hears of a deletion by an announcement.
    private static let deletionLimit = nanoseconds(.seconds(5))
    /// Void messages whose deletion nobody has asked for.
    private var undeleted: [Told: Int] = [:]
    /// Transcodes under way, by process.
    private var transcodes: [String: Int] = [:]
    /// Looks into the store; set by the world.
    var objectExists: (ObjectKey) -> Bool = { _ in true }
    /// Looks into the database; set by the world.
    var row: (VideoID) -> VideoRow? = { _ in nil }
    package var coverage = Coverage()
    package private(set) var redeliveries = 0
    package private(set) var redispatches = 0

    package init(_ simulation: Simulation) {
        self.simulation = simulation
    }

    private var now: Int64 { simulation.now }

    /// The clip that will be uploaded under `title`.
    func expect(_ title: String, _ kind: ClipKind, hasKey: Bool) { clips[title] = Clip(kind: kind, hasKey: hasKey) }
    func introduce(_ user: UserID, as name: String) { names[user] = name }

    package func name(_ user: UserID) -> String { names[user] ?? "\(user)" }
    package func label(_ video: VideoID) -> String { histories[video]?.label ?? "\(video)" }
    package func kind(_ video: VideoID) -> ClipKind { histories[video]?.kind ?? .healthy }
    func wasRejected(_ video: VideoID) -> Bool { histories[video]?.isRejected ?? false }
    func label(_ dispatch: Dispatch) -> String { "\(label(dispatch.video))#\(dispatch.number)" }

    func require(_ holds: Bool, _ message: @autoclosure () -> String) {
        if !holds { simulation.fail(message()) }
    }

    // MARK: - Outbox and slots

    private struct Sent: Hashable {
        let queue: String
        let dispatch: Dispatch
    }

    func sent(_ dispatch: Dispatch, to queue: String) { sent.insert(Sent(queue: queue, dispatch: dispatch)) }

    /// I10: an entry leaves the outbox only after its message went to its queue.
    func removing(_ entry: OutboxRow) {
        let queue = entry.destination == .jobs ? "jobs" : "dlq"
        require(
            sent.contains(Sent(queue: queue, dispatch: entry.dispatch)),
            "I10 \(label(entry.dispatch)): left the outbox before it was sent")
    }

    /// I11: never more transcodes than slots.
    func transcodeBegan(on node: SimulatedNode) {
        transcodes[node.name, default: 0] += 1
        require(
            (transcodes[node.name] ?? 0) <= World.slots, "I11 \(node.name): more transcodes than slots")
    }

    func transcodeEnded(on node: SimulatedNode) { transcodes[node.name, default: 0] -= 1 }

    /// The row is gone, by deletion or erasure.
    func removed(_ video: VideoID) { removedAt[video] = now }

    /// I12: who works has a lease, but for what stopping takes; a process that slept could not know.
    func works(on video: VideoID, _ node: SimulatedNode) {
        if isCalm, let removedAt = removedAt[video], now - removedAt > Self.deletionLimit {
            return simulation.fail("I14 \(label(video)): \(node.name) works on after its deletion")
        }
        guard let history = histories[video], let holder = history.holder, !history.isTerminal else { return }
        let grace = nanoseconds(.seconds(1))
        guard holder.until + grace < now, now - node.resumedAt > grace else { return }
        simulation.fail("I12 \(history.label): \(node.name) works on after its lease ended")
    }

    private struct Told: Hashable {
        let node: Int
        let dispatch: Dispatch
    }

    /// I15: who was told that a message is void asks for its deletion at once.
    func toldObsolete(_ dispatch: Dispatch, _ node: SimulatedNode) {
        let told = Told(node: node.number, dispatch: dispatch)
        undeleted[told, default: 0] += 1
        let at = now
        simulation.at(at + nanoseconds(.seconds(1)), node: node) {
            guard !node.isPaused, !node.isEnding, node.resumedAt < at else { return }
            self.require(
                self.undeleted[told, default: 0] <= 0, "I15 \(self.label(dispatch)): \(node.name) leaves a void message"
            )
        }
    }

    func asksToDelete(_ dispatch: Dispatch, _ node: SimulatedNode) {
        let told = Told(node: node.number, dispatch: dispatch)
        // A message may be deleted for other reasons, too.
        if let count = undeleted[told], count > 0 { undeleted[told] = count - 1 }
    }

    // MARK: - Idempotency keys

    /// C4: a key has one effect.
    func tookEffect(_ key: IdempotencyKey) {
        require(effects.insert(key).inserted, "C4 \(key.text): a second effect under one key")
    }

    // MARK: - The row

    /// C2: a deleted video never comes back.
    func created(_ video: NewVideo) {
        guard var clip = clips[video.title] else { return simulation.fail("C1 \(video.title): nobody sent it") }
        clip.copies += 1
        clips[video.title] = clip
        require(!clip.hasKey || clip.copies == 1, "C4 \(video.title): two videos under one key")
        require(!gone.contains(video.id), "C2 \(video.title): a deleted video came back")
        let label = clip.copies == 1 ? video.title : "\(video.title)'\(clip.copies)"
        histories[video.id] = History(label: label, kind: clip.kind)
    }

    /// A client was told that the video is deleted, or that it does not exist.
    func toldGone(_ video: VideoID) {
        gone.insert(video)
        require(row(video) == nil, "C2 \(label(video)): told that it is gone while its row stands")
    }

    /// I9: each dispatch starts without claims and without a lease.
    func dispatched(_ video: VideoID, to dispatch: Int) {
        guard let history = histories[video] else { return }
        let row = row(video)
        require(dispatch == history.dispatch + 1, "I9 \(history.label): dispatch \(dispatch) after \(history.dispatch)")
        require(!history.isTerminal, "I9 \(history.label): a terminal row was dispatched anew")
        require(
            row.map { $0.claims == 0 && !$0.hasLiveLease(at: now) } ?? true,
            "I9 \(history.label): claims or lease survive a new dispatch")
        histories[video]?.dispatch = dispatch
        histories[video]?.claims = 0
        histories[video]?.holder = nil
    }

    /// I7: never over another's live lease.
    func granted(_ dispatch: Dispatch, token: LeaseToken, until: Int64) {
        guard let history = histories[dispatch.video] else { return }
        let label = label(dispatch)
        require(history.dispatch == dispatch.number, "I7 \(label): a void dispatch was granted")
        require(!history.isTerminal, "I7 \(label): granted although terminal")
        if let holder = history.holder {
            require(holder.token == token || holder.until <= now, "I7 \(label): granted over a live lease")
        }
        if history.holder?.token != token { histories[dispatch.video]?.claims += 1 }
        histories[dispatch.video]?.holder = (token, until)
    }

    func extended(_ video: VideoID, token: LeaseToken, until: Int64) {
        guard let history = histories[video] else { return }
        require(history.holder?.token == token, "I7 \(history.label): a heartbeat of another's lease")
        histories[video]?.holder = (token, until)
    }

    func released(_ video: VideoID) { histories[video]?.holder = nil }

    /// I2: one commit a row, by its holder, after its objects.
    func committed(_ dispatch: Dispatch, token: LeaseToken, result: ProcessedResult) {
        guard let history = histories[dispatch.video] else { return }
        let label = label(dispatch)
        require(!history.isTerminal, "I2 \(label): a second commit")
        require(history.holder?.token == token, "I2 \(label): committed without the token")
        require(history.kind != .poison, "I2 \(label): an unusable clip was published")
        require(
            objectExists(result.video) && objectExists(result.poster), "I2 \(label): committed before its objects")
        histories[dispatch.video]?.isTerminal = true
    }

    /// I8: each own failure counts once.
    func failedItself(_ dispatch: Dispatch, attempts: Int, reason: FailureReason) {
        guard let history = histories[dispatch.video] else { return }
        let label = label(dispatch)
        require(attempts == history.ownFailures + 1, "I8 \(label): \(attempts) attempts, \(history.ownFailures) before")
        require(!history.failedDispatches.contains(dispatch.number), "I8 \(label): two failures of one dispatch")
        if reason.code != .timedOut {
            require(
                attempts <= history.transcoderFailures + history.hangs,
                "I8 \(label): \(attempts) failures counted, fewer happened")
        }
        histories[dispatch.video]?.ownFailures = attempts
        histories[dispatch.video]?.failedDispatches.append(dispatch.number)
    }

    func failed(_ dispatch: Dispatch, reason: FailureReason, attempts: Int) {
        guard let history = histories[dispatch.video] else { return }
        require(attempts == 3, "I8 \(history.label): failed after \(attempts) own failures")
        if history.kind == .healthy, isCalm { simulation.fail("I8 \(history.label): a healthy clip failed") }
        histories[dispatch.video]?.isTerminal = true
    }

    func rejected(_ dispatch: Dispatch, reason: FailureReason) {
        guard let history = histories[dispatch.video] else { return }
        require(history.kind == .poison, "I2 \(history.label): a usable clip was rejected")
        histories[dispatch.video]?.isTerminal = true
        histories[dispatch.video]?.isRejected = true
    }

    /// I5: only after three claims of this dispatch that ended without a word.
    func lost(_ dispatch: Dispatch) {
        guard let history = histories[dispatch.video] else { return }
        let label = label(dispatch)
        require(history.claims >= 3, "I5 \(label): `worker lost` after \(history.claims) claims")
        require(history.holder.map { $0.until <= now } ?? true, "I5 \(label): `worker lost` under a live lease")
        require(!isCalm, "I5 \(label): `worker lost` without a fault")
        histories[dispatch.video]?.isTerminal = true
        histories[dispatch.video]?.wasLost = true
    }

    /// I13: a process that ended in peace holds no lease: it handed its jobs back.
    func ended(_ node: SimulatedNode, holding tokens: [VideoID]) {
        guard isCalm, let video = tokens.first else { return }
        simulation.fail("I13 \(label(video)): \(node.name) ended and kept its lease")
    }

    func redispatched(_ dispatch: Dispatch) {
        redispatches += 1
        require(!isCalm, "I1 \(label(dispatch)): had to be found by re-dispatch, without a fault")
    }

    func noteHang(_ video: VideoID) { histories[video]?.hangs += 1 }
    func noteTranscoderFailure(_ video: VideoID) { histories[video]?.transcoderFailures += 1 }

    // MARK: - The queues

    func received(_ dispatch: Dispatch, receiveCount: Int) {
        guard receiveCount > 1 else { return }
        redeliveries += 1
        // A worker that was told of a deletion leaves the message to whoever receives it next.
        require(
            !isCalm || hadDrains || row(dispatch.video) == nil,
            "\(label(dispatch)): a receive was burnt, without a fault")
    }

    /// I3: only when the row is terminal, gone or newer.
    func deleting(_ dispatch: Dispatch) {
        guard let row = row(dispatch.video) else { return }
        require(
            row.state.isTerminal || row.dispatch > dispatch.number,
            "I3 \(label(dispatch)): the last message is deleted while the row is \(row.state.rawValue)")
    }

    /// I4, one direction at each effect: the letter of a row that failed for an operator to see is kept.
    func deletingLetter(_ dispatch: Dispatch) {
        guard let row = row(dispatch.video) else { return }
        require(
            row.state == .processed || row.dispatch > dispatch.number || wasRejected(dispatch.video),
            "I4 \(label(dispatch)): the letter of a \(row.state.rawValue) row is deleted")
    }
}
