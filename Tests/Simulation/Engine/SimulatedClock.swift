import Actors
import FoundationEssentials

/// A process's monotonic clock: virtual time plus the process's skew.
package struct SimulatedClock: NodeClock {
    private let node: SimulatedNode

    package init(_ node: SimulatedNode) {
        self.node = node
    }

    package var now: MonotonicInstant { MonotonicInstant(nanoseconds: node.simulation.now + node.skew) }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        let sleep = PendingSleep()
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                    return
                }
                sleep.continuation = continuation
                let time = deadline.nanoseconds - node.skew
                node.simulation.at(time, node: node, isLive: { sleep.continuation != nil }) {
                    sleep.take()?.resume()
                }
            }
        } onCancel: {
            sleep.take()?.resume(throwing: CancellationError())
        }
    }
}

/// A sleep that has not ended.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only; a cancellation handler runs on the thread
/// that cancels, which is that one. The continuation is unsafe, since a killed process never resumes its tasks.
final class PendingSleep: @unchecked Sendable {
    var continuation: UnsafeContinuation<Void, any Error>?

    func take() -> UnsafeContinuation<Void, any Error>? {
        defer { continuation = nil }
        return continuation
    }
}

/// A process's date: the start of 2026 plus virtual time plus skew.
package struct SimulatedWallClock: WallClock {
    private let node: SimulatedNode

    package init(_ node: SimulatedNode) {
        self.node = node
    }

    /// 2026-01-01T00:00:00Z.
    package static let origin = Date(timeIntervalSince1970: 1_767_225_600)

    package var now: Date { Self.date(node.simulation.now + node.wallSkew) }

    package static func date(_ nanoseconds: Int64) -> Date {
        origin.addingTimeInterval(Double(nanoseconds) / 1e9)
    }
}

/// The tape's own words for ids and jitter.
package struct SimulatedRandom: RandomSource {
    private let simulation: Simulation

    package init(_ simulation: Simulation) {
        self.simulation = simulation
    }

    package func next() -> UInt64 { simulation.tape.word(.app) }
}

extension Identifier {
    /// For the trace's hash.
    package var word: UInt64 { withUnsafeBytes(of: uuid.uuid) { $0.loadUnaligned(as: UInt64.self) } }
}
