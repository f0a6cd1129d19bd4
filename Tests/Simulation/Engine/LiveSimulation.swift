import Actors
import Glibc
import Synchronization

/// A simulation that keeps pace with real time, on a thread of its own, so that tests of the ports' contracts can call
/// its fakes as they call the real services.
///
/// Proof of `@unchecked Sendable`: the simulation is made and touched by the thread alone; what other threads hand over
/// lies in the mutex.
package final class LiveSimulation: @unchecked Sendable {
    private struct Inbox {
        var calls: [@Sendable (LiveSimulation) -> Void] = []
        var lastNumber = 0
        var isOver = false
    }

    private let inbox = Mutex(Inbox())
    // Touched by the thread alone.
    private var running: Simulation?
    private var tasks: [Int: Task<Void, Never>] = [:]
    /// Cancelled before their task was made.
    private var cancelled: Set<Int> = []

    package init() {
        var thread = pthread_t()
        let own = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<LiveSimulation>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, own.toOpaque())
        precondition(code == 0, "no thread for a simulation: \(code)")
        pthread_detach(thread)
    }

    package func stop() { inbox.withLock { $0.isOver = true } }

    /// Runs `body` on the simulation's thread.
    package func make<Value: Sendable>(_ body: @escaping @Sendable (Simulation) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            send { live in
                guard let simulation = live.running else { return }
                continuation.resume(returning: body(simulation))
            }
        }
    }

    /// Runs `body` as a task of `node`, and ends it when the caller's task is cancelled.
    private func outcome<Value: Sendable>(
        on node: SimulatedNode, _ body: @escaping @Sendable () async -> Value
    ) async -> Value {
        let number = inbox.withLock { inbox in
            inbox.lastNumber += 1
            return inbox.lastNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                send { live in
                    let task = Task.detached(executorPreference: node) {
                        let value = await body()
                        live.tasks[number] = nil
                        continuation.resume(returning: value)
                    }
                    live.tasks[number] = task
                    if live.cancelled.remove(number) != nil { task.cancel() }
                }
            }
        } onCancel: {
            send { live in
                if let task = live.tasks[number] { task.cancel() } else { live.cancelled.insert(number) }
            }
        }
    }

    /// Makes a call to a port as a task of `node`.
    package func call<Value: Sendable, Failure: Error>(
        on node: SimulatedNode, _ body: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await outcome(on: node) { () -> Result<Value, Failure> in
            do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func send(_ call: @escaping @Sendable (LiveSimulation) -> Void) {
        inbox.withLock { $0.calls.append(call) }
    }

    private func run() {
        let simulation = Simulation(tape: Tape(seed: .random(in: 0...1_000_000)))
        running = simulation
        let start = ContinuousClock.now
        while true {
            let (calls, isOver) = inbox.withLock { inbox in
                defer { inbox.calls = [] }
                return (inbox.calls, inbox.isOver)
            }
            if isOver { break }
            for call in calls { call(self) }
            let time = (ContinuousClock.now - start).nanoseconds
            // Virtual time moves by events: here is one.
            simulation.at(time) {}
            simulation.run(until: time)
            usleep(500)
        }
        simulation.tearDown()
        running = nil
    }
}
