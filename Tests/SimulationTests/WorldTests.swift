import Simulation
import Testing

@Suite("The world")
struct WorldTests {
    static let results = (UInt64(0)..<100).map { SeedResult.run($0) }

    @Test("no invariant fails in any of 100 seeds")
    func seeds() {
        for result in Self.results {
            #expect(result.failure == nil, "reproduce: simulate --seed \(result.seed) --timeline")
        }
    }

    @Test("the seeds are not idle: they kill, deliver again, find lost messages, vote, and some are calm")
    func coverage() {
        #expect(Self.results.contains { $0.isCalm })
        #expect(Self.results.contains { $0.kills > 0 })
        #expect(Self.results.contains { $0.redeliveries > 0 })
        #expect(Self.results.contains { $0.redispatches > 0 })
        #expect(Self.results.reduce(0) { $0 + $1.votes } > 500)
    }

    @Test("a trace that can be read has the same hash")
    func texts() {
        let result = SeedResult.run(3, keepsText: true)
        #expect(result.traceHash == Self.results[3].traceHash)
        #expect(!result.trace.timeline.isEmpty)
        #expect(Self.results[3].trace.timeline.isEmpty)
    }

    /// Every step is `simulate --sweep SEED` and `--sweep-api SEED`.
    @Test(
        "a crash at every 97th step of a run, calm or not, of a worker or the API node, breaks nothing",
        arguments: [calm, faulty], [0, 1])
    func sweep(_ seed: UInt64, _ process: Int) {
        let sweep = Sweep(seed, process: process, stride: 97)
        #expect(sweep.crashes > 20)
        for failure in sweep.failures {
            Issue.record("seed \(seed), process \(process), crash at step \(failure.step): \(failure.message)")
        }
    }

    static let calm = results.first { $0.isCalm }?.seed ?? 0
    static let faulty = results.first { !$0.isCalm && $0.kills > 0 }?.seed ?? 0
}
