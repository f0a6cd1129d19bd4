import Actors

/// The way between people and API nodes: requests go to any node that accepts connections, and whoever gets no answer
/// within half a minute, or is refused, may come again.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
final class Traffic: @unchecked Sendable {
    /// A request under way. Proof of `@unchecked Sendable`: as `Traffic`.
    private final class Call<Answer: Sendable>: @unchecked Sendable {
        private var receiver: ((Answer?) -> Void)?
        var isOpen: Bool { receiver != nil }

        init(_ receiver: @escaping (Answer?) -> Void) {
            self.receiver = receiver
        }

        func end(_ answer: Answer?) {
            let receiver = receiver
            self.receiver = nil
            receiver?(answer)
        }
    }

    private static let patience: Duration = .seconds(30)

    private let simulation: Simulation
    /// The places where API nodes run.
    var entrances: [Process] = []
    /// Answers that do not reach the client, in thousandths.
    var lostAnswers = 0

    init(_ simulation: Simulation) {
        self.simulation = simulation
    }

    /// Runs `request` as a task of some API node, and hands over what the client hears of it: nil for silence.
    func ask<Answer: Sendable>(
        _ request: @escaping @Sendable (APINode, Counter) async -> Answer,
        _ receive: @escaping (Answer?) -> Void
    ) {
        let open = entrances.filter { $0.node.isAlive && !$0.hasEnded }
        guard !open.isEmpty else { return receive(nil) }
        let place = open[simulation.tape.choose(open.count, .latency)]
        guard let api = place.api else { return receive(nil) }
        let call = Call(receive)
        let counter = place.counter
        counter.underWay += 1
        place.node.start {
            let answer = await request(api, counter)
            counter.underWay -= 1
            self.answer(call, answer)
        }
        simulation.at(simulation.now + Self.patience.nanoseconds, isLive: { call.isOpen }) { call.end(nil) }
    }

    private func answer<Answer>(_ call: Call<Answer>, _ answer: Answer) {
        if !simulation.tape.chance(lostAnswers, .fault) { call.end(answer) }
    }

    /// What one API process has under way, and what it has told voters. Proof of `@unchecked Sendable`: as `Traffic`.
    final class Counter: @unchecked Sendable {
        let node: SimulatedNode
        var underWay = 0
        /// Nobody can ask this process any more.
        var isClosed = false
        /// For each player, the votes of which this process told that they count, if need be more than once.
        var told: [UserID: Set<VoteRequest>] = [:]

        init(_ node: SimulatedNode) {
            self.node = node
        }
    }
}
