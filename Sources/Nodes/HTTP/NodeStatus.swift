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

    private let state = Mutex((reach: Reach(), isDraining: false))

    package init() {}

    package var reach: Reach { state.withLock { $0.reach } }
    package var isDraining: Bool { state.withLock { $0.isDraining } }

    package func beginDrain() { state.withLock { $0.isDraining = true } }

    /// Looks at database and store until the task is cancelled; `queue` says whether the queue is reachable, given
    /// whether the database is.
    package func watch(
        videos: any VideoRepository, gateway: S3Gateway, clock: any NodeClock,
        queue: @Sendable (_ database: Bool) async -> Bool
    ) async {
        while true {
            var reach = Reach()
            do {
                try await videos.check()
                reach.database = true
            } catch {}
            do {
                try await gateway.check()
                reach.store = true
            } catch {}
            reach.queue = await queue(reach.database)
            let seen = reach
            state.withLock { $0.reach = seen }
            do { try await clock.wait(Self.interval) } catch { return }
        }
    }
}
