import Actors
import Glibc
import Synchronization

/// A simulation that keeps pace with real time, on a thread of its own, so that tests of the ports' contracts can use
/// its fakes as they use the real services: whatever prefers one of its nodes as executor runs on that thread.
///
/// Proof of `@unchecked Sendable`: all but the flag, which is atomic, is touched by the thread alone.
package final class LiveSimulation: @unchecked Sendable {
    private let isOver = Atomic(false)
    private let simulation: Simulation
    /// The test's own process.
    private let node: SimulatedNode
    private var skipped: Int64 = 0

    /// Runs `body` as a process of a new simulation, on its thread.
    package static func with<Result>(_ body: (SimulatedNode, LiveSimulation) async throws -> Result) async rethrows
        -> Result
    {
        let live = LiveSimulation()
        defer { live.isOver.store(true, ordering: .releasing) }
        return try await withTaskExecutorPreference(live.node) { try await body(live.node, live) }
    }

    private init() {
        simulation = Simulation(tape: Tape(seed: .random(in: 0...1_000_000)), isShared: true)
        node = SimulatedNode("client", in: simulation)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<LiveSimulation>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(code == 0, "no thread for a simulation: \(code)")
        pthread_detach(thread)
    }

    /// Virtual time goes on by `duration` at once. To be called on the simulation's thread.
    package func elapse(_ duration: Duration, on node: SimulatedNode) async throws {
        skipped += duration.nanoseconds
        try await SimulatedClock(node).wait(duration)
    }

    private func run() {
        simulation.adopt()
        let start = ContinuousClock.now
        while !isOver.load(ordering: .acquiring) {
            let time = (ContinuousClock.now - start).nanoseconds + skipped
            // Virtual time moves by events: here is one.
            simulation.at(time) {}
            simulation.run(until: time)
            usleep(300)
        }
        simulation.tearDown()
    }
}
