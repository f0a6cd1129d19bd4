import Actors
import Glibc
import Simulation
import Testing

/// Clients that add one to a shared count, with an await between reading and writing it.
private actor Counter {
    private(set) var value = 0
    private let ledger = Ledger()

    func add() async {
        let before = value
        await ledger.note()
        value = before + 1
    }
}

private actor Ledger {
    private var notes = 0
    func note() { notes += 1 }
}

/// Proof of `@unchecked Sendable`: touched by the simulation's thread only.
private final class Log: @unchecked Sendable {
    var lines: [String] = []
}

/// Proof of `@unchecked Sendable`: written before the other thread is made, read by that thread only.
private final class Waiting: @unchecked Sendable {
    var continuation: UnsafeContinuation<Void, Never>?
}

@Suite("The engine")
struct EngineTests {
    @Test("one seed is one history: two runs of 60 seeds give the same traces, and the seeds differ")
    func determinism() {
        var hashes: [UInt64] = []
        for seed in UInt64(0)..<60 {
            let first = SeedResult.run(seed)
            let second = SeedResult.run(seed)
            #expect(first.traceHash == second.traceHash, "seed \(seed)")
            #expect(first.recording == second.recording, "seed \(seed)")
            hashes.append(first.traceHash)
        }
        #expect(Set(hashes).count == 60)
    }

    @Test("a recording replays its run")
    func replay() {
        let first = SeedResult.run(7)
        let second = SeedResult.run(7, replaying: first.recording)
        #expect(first.traceHash == second.traceHash)
    }

    @Test("a re-entrant actor loses an update in some random orders")
    func reentrancyInRandomOrder() {
        let lost = (UInt64(0)..<300).count { Self.countAfterTwoAdds(seed: $0, fifo: false) == 1 }
        #expect(lost > 0)
        #expect(lost < 300)
    }

    @Test("in FIFO order the same actor always does the same, so only the random order tells of the bug")
    func reentrancyInFifoOrder() {
        let results = Set((UInt64(0)..<300).map { Self.countAfterTwoAdds(seed: $0, fifo: true) })
        #expect(results.count == 1)
    }

    private static func countAfterTwoAdds(seed: UInt64, fifo: Bool) -> Int {
        let simulation = Simulation(tape: Tape(seed: seed), fifo: fifo)
        let node = SimulatedNode("node", in: simulation)
        let log = Log()
        node.start {
            let counter = Counter()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await counter.add() }
                group.addTask {
                    // Far enough behind that the oldest-first order never meets the first one.
                    for _ in 0..<4 { await Task.yield() }
                    await counter.add()
                }
            }
            log.lines.append("\(await counter.value)")
        }
        simulation.run()
        return Int(log.lines[0]) ?? -1
    }

    @Test("a killed process runs no cleanup, and its timers do not fire")
    func killRunsNoCleanup() {
        let simulation = Simulation(tape: Tape(seed: 1))
        let node = SimulatedNode("node", in: simulation)
        let log = Log()
        node.start {
            defer { log.lines.append("defer") }
            await withTaskCancellationHandler {
                do { try await SimulatedClock(node).wait(.seconds(60)) } catch { log.lines.append("catch") }
                log.lines.append("after")
            } onCancel: {
                log.lines.append("onCancel")
            }
        }
        simulation.after(.seconds(1)) { node.kill() }
        #expect(simulation.run() == .quiescent)
        #expect(log.lines.isEmpty)
        #expect(simulation.now == nanoseconds(.seconds(1)))
    }

    @Test("a cancelled timer does not drag time forward")
    func cancelledTimer() {
        let simulation = Simulation(tape: Tape(seed: 1))
        let node = SimulatedNode("node", in: simulation)
        let clock = SimulatedClock(node)
        node.start {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await clock.wait(.seconds(3600)) }
                group.addTask { try? await clock.wait(.seconds(1)) }
                await group.next()
                group.cancelAll()
            }
        }
        simulation.run()
        #expect(node.runningMains == 0)
        #expect(simulation.now == nanoseconds(.seconds(1)))
    }

    @Test("a paused process does nothing until it resumes, and its clock has gone on")
    func pause() {
        let simulation = Simulation(tape: Tape(seed: 1))
        let node = SimulatedNode("node", in: simulation)
        node.skew = nanoseconds(.seconds(100))
        let clock = SimulatedClock(node)
        let log = Log()
        node.start {
            try? await clock.wait(.seconds(1))
            log.lines.append("\(clock.now.nanoseconds / 1_000_000_000)")
        }
        simulation.after(.milliseconds(500)) { node.pause() }
        simulation.after(.seconds(30)) { node.resume() }
        simulation.run()
        #expect(log.lines == ["130"])
    }

    @Test("two events of one instant happen in either order")
    func tieBreak() {
        let firsts = Set(
            (UInt64(0)..<50).map { seed in
                let simulation = Simulation(tape: Tape(seed: seed))
                let log = Log()
                simulation.after(.seconds(1)) { log.lines.append("a") }
                simulation.after(.seconds(1)) { log.lines.append("b") }
                simulation.run()
                return log.lines[0]
            })
        #expect(firsts == ["a", "b"])
    }

    @Test("work that comes from a thread of its own ends the process")
    func escapeIsFatal() async {
        await #expect(processExitsWith: .failure) {
            let simulation = Simulation(tape: Tape(seed: 1))
            let node = SimulatedNode("node", in: simulation)
            let waiting = Waiting()
            node.start { await withUnsafeContinuation { waiting.continuation = $0 } }
            simulation.run()
            let context = Unmanaged.passRetained(waiting).toOpaque()
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<Waiting>.fromOpaque(context).takeRetainedValue().continuation?.resume()
                    return nil
                }, context)
            pthread_join(thread, nil)
        }
    }

    @Test("an unstructured task is counted as an escape, and the actors of 20 seeds have none")
    func escapesAreCounted() async {
        await #expect(processExitsWith: .success) {
            guard EscapeDetector.install() else { return }
            for seed in UInt64(0)..<20 { _ = SeedResult.run(seed) }
            precondition(EscapeDetector.escapes == 0, "the actors escape")
            let simulation = Simulation(tape: Tape(seed: 1))
            let node = SimulatedNode("node", in: simulation)
            node.start { Task {} }
            simulation.run()
            precondition(EscapeDetector.escapes > 0, "a planted task is not seen")
        }
    }
}
