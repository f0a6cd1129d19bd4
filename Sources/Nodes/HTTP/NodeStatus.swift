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
        // Each for itself: one that is silent must not hide what became of the others.
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.look(parts.clock) {
                    let isThere = await self.succeeds { try await parts.videos.check() }
                    self.state.withLock { state in
                        state.reach.database = isThere
                        if parts.aws?.jobs == nil { state.reach.queue = isThere }
                    }
                    return Self.interval
                }
            }
            group.addTask {
                await self.look(parts.clock) {
                    let isThere = await self.succeeds { try await parts.gateway.check() }
                    self.state.withLock { $0.reach.store = isThere }
                    return Self.interval
                }
            }
            if parts.aws?.jobs != nil {
                group.addTask {
                    await self.look(parts.clock) {
                        let isThere = await self.succeeds { _ = try await parts.jobs.depth() }
                        self.state.withLock { $0.reach.queue = isThere }
                        // One that is away is looked for more often than one that is there.
                        return isThere ? Self.queueInterval : Self.interval * 2
                    }
                }
            }
        }
    }

    /// - Parameter once: one look; says how long to wait for the next.
    private func look(_ clock: any NodeClock, _ once: () async -> Duration) async {
        while true {
            let pause = await once()
            do { try await clock.wait(pause) } catch { return }
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
