import Actors
import Synchronization

/// What health and readiness say, kept up to date by a loop of its own so that asking costs no I/O.
package final class NodeStatus: Sendable {
    package struct Reach: Sendable, Equatable {
        package var database = false
        package var store = false
        package var queue = false
    }

    /// Between two looks.
    package static let interval: Duration = .seconds(1)
    /// Between two looks at SQS.
    package static let queueInterval: Duration = .seconds(15)

    private let state = Mutex((reach: Reach(), isDraining: false))

    package init() {}

    package var reach: Reach { state.withLock { $0.reach } }
    package var isDraining: Bool { state.withLock { $0.isDraining } }

    package func beginDrain() { state.withLock { $0.isDraining = true } }

    /// Looks until the task is cancelled. The local queue is in the database; SQS is looked at less often.
    func watch(_ parts: NodeParts) async {
        var reach = Reach()
        var nextQueueLook = parts.clock.now
        while true {
            reach.database = await succeeds { try await parts.videos.check() }
            reach.store = await succeeds { try await parts.gateway.check() }
            if parts.aws?.jobs == nil {
                reach.queue = reach.database
            } else if parts.clock.now >= nextQueueLook {
                reach.queue = await succeeds { _ = try await parts.jobs.depth() }
                // One that is away is looked for more often than one that is there.
                nextQueueLook = parts.clock.now.advanced(by: reach.queue ? Self.queueInterval : Self.interval * 2)
            }
            let seen = reach
            state.withLock { $0.reach = seen }
            do { try await parts.clock.wait(Self.interval) } catch { return }
        }
    }

    private func succeeds(_ look: () async throws -> Void) async -> Bool {
        do {
            try await look()
            return true
        } catch {
            return false
        }
    }
}
