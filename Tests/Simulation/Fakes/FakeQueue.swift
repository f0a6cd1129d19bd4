import Actors

/// A queue with the semantics of SQS (Amazon SQS Developer Guide, "Standard queues"): at least once, unordered, a new
/// receipt for each receive, a visibility timeout, dead letters after `maximumReceives`.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class FakeQueue: @unchecked Sendable {
    struct Message {
        let id: Int
        let job: JobMessage
        var visibleAt: Int64
        var receiveCount = 0
        var receipt: Receipt?
    }

    final class Poll {
        let maximum: Int
        let visibility: Duration
        let node: SimulatedNode
        let answer: ([ReceivedMessage]) -> Void
        var isOpen = true

        init(maximum: Int, visibility: Duration, node: SimulatedNode, answer: @escaping ([ReceivedMessage]) -> Void) {
            self.maximum = maximum
            self.visibility = visibility
            self.node = node
            self.answer = answer
        }
    }

    package static let maximumReceives = 3

    package let name: String
    package let service: Service
    let simulation: Simulation
    private let invariants: Invariants
    private let deadLetters: FakeQueue?
    private(set) var messages: [Message] = []
    private var polls: [Poll] = []
    private var nextNumber = 1
    /// What each receipt was for.
    private var given: [Receipt: Dispatch] = [:]
    /// Messages that are delivered twice, in thousandths.
    package var doubled = 0
    /// Receives that leave the message visible, in thousandths.
    package var stillVisible = 0
    /// Polls that go on at the server although their caller left, in thousandths.
    package var abandonedPolls = 0

    package init(
        _ name: String, _ simulation: Simulation, invariants: Invariants, service: Service, deadLetters: FakeQueue?
    ) {
        self.name = name
        self.simulation = simulation
        self.invariants = invariants
        self.service = service
        self.deadLetters = deadLetters
    }

    package var isEmpty: Bool { messages.isEmpty }
    var depth: QueueDepth {
        let visible = messages.count { $0.visibleAt <= simulation.now }
        let received = messages.count { $0.visibleAt > simulation.now && $0.receipt != nil }
        return QueueDepth(visible: visible, inFlight: received, delayed: messages.count - visible - received)
    }
    /// In an order that no hash decides.
    package var dispatches: [Dispatch] { messages.map(\.job.dispatch) }

    private var now: Int64 { simulation.now }

    // MARK: - Effects

    func send(_ outgoing: [OutgoingMessage]) {
        for message in outgoing {
            invariants.sent(message.job.dispatch, to: name)
            let copies = simulation.tape.chance(doubled, .fault) ? 2 : 1
            for _ in 0..<copies { add(message.job, visibleAt: now + nanoseconds(message.delay)) }
        }
    }

    private func add(_ job: JobMessage, visibleAt: Int64) {
        messages.append(Message(id: nextNumber, job: job, visibleAt: visibleAt))
        nextNumber += 1
        wake(at: visibleAt)
    }

    func receive(_ poll: Poll, wait: Duration) {
        let taken = take(poll)
        guard taken.isEmpty, wait > .zero else { return poll.answer(taken) }
        polls.append(poll)
        simulation.at(now + nanoseconds(wait), isLive: { poll.isOpen }) {
            self.close(poll)
            poll.answer([])
        }
    }

    /// The caller left; the server may not have noticed.
    func abandon(_ poll: Poll) {
        if !simulation.tape.chance(abandonedPolls, .fault) { close(poll) }
    }

    func extend(_ receipt: Receipt, visibility: Duration) -> Bool {
        guard let index = messages.firstIndex(where: { $0.receipt == receipt }), messages[index].visibleAt > now else {
            return false
        }
        messages[index].visibleAt = now + nanoseconds(visibility)
        wake(at: messages[index].visibleAt)
        return true
    }

    /// A worker wants the message gone, whatever becomes of its request.
    func asksToDelete(_ receipt: Receipt, _ node: SimulatedNode) {
        if let dispatch = given[receipt] { invariants.asksToDelete(dispatch, node) }
    }

    func delete(_ receipt: Receipt) -> Dispatch? {
        guard let index = messages.firstIndex(where: { $0.receipt == receipt }) else { return nil }
        let dispatch = messages[index].job.dispatch
        if deadLetters == nil { invariants.deletingLetter(dispatch) } else { invariants.deleting(dispatch) }
        messages.remove(at: index)
        return dispatch
    }

    /// Retention, or an operator's mistake, takes one message.
    package func lose(_ index: Int) {
        guard !messages.isEmpty else { return }
        let lost = messages.remove(at: index % messages.count)
        simulation.record(
            "queue loses", lost.job.dispatch.video.word, lost.job.dispatch.number,
            detail: invariants.label(lost.job.dispatch))
    }

    func label(_ dispatch: Dispatch) -> String { invariants.label(dispatch) }

    package func tearDown() { polls = [] }

    // MARK: - Polls

    private func close(_ poll: Poll) {
        poll.isOpen = false
        polls.removeAll { $0 === poll }
    }

    private func wake(at time: Int64) {
        simulation.at(time, isLive: { !self.polls.isEmpty }) { self.serve() }
    }

    private func serve() {
        while !polls.isEmpty {
            let poll = polls[simulation.tape.choose(polls.count, .latency)]
            let taken = take(poll)
            if taken.isEmpty { return }
            close(poll)
            poll.answer(taken)
        }
    }

    private func take(_ poll: Poll) -> [ReceivedMessage] {
        var taken: [ReceivedMessage] = []
        var seen: [Int] = []
        while taken.count < poll.maximum {
            let visible = messages.indices.filter { messages[$0].visibleAt <= now && !seen.contains(messages[$0].id) }
            guard !visible.isEmpty else { break }
            let index = visible[simulation.tape.choose(visible.count, .latency)]
            if let deadLetters, messages[index].receiveCount >= Self.maximumReceives {
                let dead = messages.remove(at: index)
                simulation.record(
                    "queue dead-letters", dead.job.dispatch.video.word, dead.job.dispatch.number,
                    detail: invariants.label(dead.job.dispatch))
                invariants.coverage.reach("queue", "receive \(dead.receiveCount)", "dead letter")
                deadLetters.add(dead.job, visibleAt: now)
                continue
            }
            seen.append(messages[index].id)
            let receipt = Receipt(handle: "r\(nextNumber)")
            nextNumber += 1
            messages[index].receiveCount += 1
            messages[index].receipt = receipt
            let visibility =
                simulation.tape.chance(stillVisible, .fault)
                ? simulation.tape.duration(.zero...(.seconds(5)), .latency) : poll.visibility
            messages[index].visibleAt = now + nanoseconds(visibility)
            wake(at: messages[index].visibleAt)
            let message = messages[index]
            if deadLetters != nil {
                invariants.received(message.job.dispatch, receiveCount: message.receiveCount)
                invariants.coverage.reach(
                    "QueueConsumer", "receive \(message.receiveCount)", poll.isOpen ? "receive" : "abandoned receive")
                simulation.record(
                    "queue.receive", message.job.dispatch.video.word, message.job.dispatch.number, by: poll.node,
                    detail: "\(invariants.label(message.job.dispatch)) x\(message.receiveCount)")
            }
            if deadLetters != nil { given[receipt] = message.job.dispatch }
            taken.append(ReceivedMessage(receipt: receipt, job: message.job, receiveCount: message.receiveCount))
        }
        return taken
    }
}

/// One process's connection to one queue.
package struct QueueClient: JobQueue {
    private let queue: FakeQueue
    package let link: Link

    package init(_ queue: FakeQueue, _ link: Link) {
        self.queue = queue
        self.link = link
    }

    package func send(_ messages: [OutgoingMessage]) async throws(JobQueueError) {
        try answer(
            await link.request {
                queue.simulation.record(
                    "queue.send", 0, messages.count, by: link.node, detail: "\(messages.count) to \(queue.name)")
                queue.send(messages)
            })
    }

    package func receive(maximum: Int, visibility: Duration, wait: Duration) async throws(JobQueueError)
        -> [ReceivedMessage]
    {
        let abandonment = Abandonment()
        let reply: Reply<[ReceivedMessage]> = await link.exchange(
            patience: nanoseconds(wait), whenCancelled: { abandonment.happen() }
        ) { reply in
            let poll = FakeQueue.Poll(maximum: maximum, visibility: visibility, node: link.node, answer: reply)
            link.afterDelay {
                abandonment.action = { queue.abandon(poll) }
                queue.receive(poll, wait: wait)
            }
        }
        if case .cancelled = reply { return [] }
        return try answer(reply)
    }

    package func extend(_ receipt: Receipt, visibility: Duration) async throws(JobQueueError) {
        let extended = try answer(await link.request { queue.extend(receipt, visibility: visibility) })
        if !extended { throw .staleReceipt }
    }

    package func delete(_ receipt: Receipt) async throws(JobQueueError) {
        queue.asksToDelete(receipt, link.node)
        let deleted = try answer(
            await link.request {
                guard let dispatch = queue.delete(receipt) else { return false }
                queue.simulation.record(
                    "queue.delete", dispatch.video.word, dispatch.number, by: link.node,
                    detail: "\(queue.label(dispatch)) of \(queue.name)")
                return true
            })
        if !deleted { throw .staleReceipt }
    }

    package func depth() async throws(JobQueueError) -> QueueDepth {
        try answer(await link.request { queue.depth })
    }

    private func answer<Value>(_ reply: Reply<Value>) throws(JobQueueError) -> Value {
        switch reply {
        case .answer(let value): return value
        case .silence: throw .unavailable("no answer")
        case .cancelled: throw .unavailable("cancelled")
        }
    }
}

/// What the server is to be told when a poll's caller leaves.
///
/// Proof of `@unchecked Sendable`: set and called by the simulation's thread only, which `Simulation` watches.
private final class Abandonment: @unchecked Sendable {
    var action: (() -> Void)?

    func happen() {
        action?()
        action = nil
    }
}
