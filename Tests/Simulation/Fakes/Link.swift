import Actors

/// What can go wrong between the processes and one service, and how slow it is.
package struct LinkConditions: Sendable {
    /// Of a request on its way, and of its answer, in nanoseconds.
    package var latency: ClosedRange<Int64> = 1_000_000...20_000_000
    /// Requests that vanish on their way, in thousandths: no effect.
    package var lostRequests = 0
    /// Answers that vanish on their way back, in thousandths: the effect stands.
    package var lostAnswers = 0
    /// Messages that arrive late, in thousandths, up to `lateness` nanoseconds.
    package var late = 0
    package var lateness: Int64 = 20_000_000_000
    /// Requests before this virtual time get no answer (an outage).
    package var downUntil: Int64 = 0
    /// How long a caller waits for what never comes, in nanoseconds.
    package var timeout: Int64 = 5_000_000_000

    package init() {}

    /// As they are when all faults are healed.
    package mutating func heal() {
        lostRequests = 0
        lostAnswers = 0
        late = 0
        downUntil = 0
    }
}

/// A service that the processes reach over a network: shared by all links to it.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class Service: @unchecked Sendable {
    package let name: String
    package var conditions = LinkConditions()

    package init(_ name: String) {
        self.name = name
    }
}

/// How a request ended for its caller.
enum Reply<Value: Sendable>: Sendable {
    case answer(Value)
    /// No answer: the effect may or may not have happened.
    case silence
    case cancelled
}

/// One process's connection to one service.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class Link: @unchecked Sendable {
    let node: SimulatedNode
    let service: Service
    /// This process alone cannot reach the service before this virtual time (a partition).
    package var partitionedUntil: Int64 = 0

    var simulation: Simulation { node.simulation }

    package init(_ node: SimulatedNode, _ service: Service) {
        self.node = node
        self.service = service
    }

    /// Sends a request; `effect` happens at the service, once or not at all, even when the caller dies meanwhile.
    /// `work` is what the service needs before the effect (a body to receive, say), in nanoseconds.
    func request<Value: Sendable>(work: Int64 = 0, _ effect: @escaping () -> Value) async -> Reply<Value> {
        await exchange(patience: work) { reply in
            self.after(self.delay() + work) {
                let value = effect()
                reply(value)
            }
        }
    }

    /// Sends a request whose answer the service may give at any later time, through the function that `begin` gets.
    /// - Parameters:
    ///   - patience: how long the service may take, in nanoseconds; an answer that is late by more finds nobody.
    ///   - whenCancelled: told to the service when the caller leaves.
    func exchange<Value: Sendable>(
        patience: Int64 = 0, whenCancelled: @escaping @Sendable () -> Void = {},
        _ begin: @escaping (@escaping (Value) -> Void) -> Void
    ) async -> Reply<Value> {
        let pending = PendingReply<Value>()
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Reply<Value>, Never>) in
                guard !Task.isCancelled else { return continuation.resume(returning: .cancelled) }
                pending.continuation = continuation
                let conditions = service.conditions
                let isDown = max(conditions.downUntil, partitionedUntil) > simulation.now
                if isDown || simulation.tape.chance(conditions.lostRequests, .fault) {
                    return giveUp(pending, after: conditions.timeout)
                }
                if conditions.late > 0 { giveUp(pending, after: patience + conditions.timeout) }
                begin { value in
                    let isCut = max(self.service.conditions.downUntil, self.partitionedUntil) > self.simulation.now
                    if isCut || self.simulation.tape.chance(self.service.conditions.lostAnswers, .fault) {
                        return self.giveUp(pending, after: conditions.timeout)
                    }
                    self.after(self.delay(), isLive: { pending.continuation != nil }) {
                        pending.take()?.resume(returning: .answer(value))
                    }
                }
            }
        } onCancel: {
            guard let continuation = pending.take() else { return }
            whenCancelled()
            continuation.resume(returning: .cancelled)
        }
    }

    /// A request that the service receives and whose effect it gives itself.
    func afterDelay(_ action: @escaping () -> Void) { after(delay()) { action() } }

    private func delay() -> Int64 {
        let conditions = service.conditions
        if simulation.tape.chance(conditions.late, .fault) {
            return simulation.tape.nanoseconds(conditions.latency.upperBound...conditions.lateness, .latency)
        }
        return simulation.tape.nanoseconds(conditions.latency, .latency)
    }

    private func giveUp<Value>(_ pending: PendingReply<Value>, after delay: Int64) {
        after(delay, isLive: { pending.continuation != nil }) { pending.take()?.resume(returning: .silence) }
    }

    private func after(_ delay: Int64, isLive: (() -> Bool)? = nil, _ action: @escaping () -> Void) {
        simulation.at(simulation.now + delay, isLive: isLive, action)
    }
}

/// A request whose caller still waits.
///
/// Proof of `@unchecked Sendable`: made, taken and resumed by the simulation's thread only, which `Simulation` watches.
private final class PendingReply<Value: Sendable>: @unchecked Sendable {
    var continuation: UnsafeContinuation<Reply<Value>, Never>?

    func take() -> UnsafeContinuation<Reply<Value>, Never>? {
        defer { continuation = nil }
        return continuation
    }
}
