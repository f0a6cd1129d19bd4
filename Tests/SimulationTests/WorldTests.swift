import FoundationEssentials
import Glibc
import Simulation
import Testing

@Suite("The world")
struct WorldTests {
    static let results = (UInt64(0)..<100).map { SeedResult.run($0) }

    @Test("no invariant fails in any of 100 seeds")
    func seeds() {
        for result in Self.results where result.failure != nil {
            Issue.record(
                """
                reproduce: simulate --seed \(result.seed) --timeline
                \(Shrinker.shrink(result).report)
                """)
        }
    }

    @Test("a tape in a file gives the run again")
    func tapes() throws {
        let path = "/tmp/anb-tape-\(UInt64.random(in: .min ... .max))"
        defer { unlink(path) }
        let result = Self.results[7]
        try TapeFile.write(result, to: path)
        #expect(try TapeFile.replay(path).traceHash == result.traceHash)
    }

    /// Each was a defect once: `simulate shrink --seed N --keep FILE`.
    @Test("the tapes of the corpus hold")
    func corpus() throws {
        let folder = #filePath.replacing("WorldTests.swift", with: "corpus")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".tape") }
        for file in files { #expect(try TapeFile.replay("\(folder)/\(file)").failure == nil, "\(file)") }
    }

    /// Hash tables have another order in each; a difference would be a set or dictionary whose order reaches a port.
    @Test("two runs of a seed have one history")
    func twice() {
        for result in Self.results { #expect(SeedResult.run(result.seed).traceHash == result.traceHash) }
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

    /// Every step of ten seeds is `simulate sweep --small --shortest 10 --every`, which `./anb test` runs.
    @Test(
        "a kill, a drain, a cancellation at every 97th step of a run, of a worker or the API node, breaks nothing",
        arguments: Crash.Kind.allCases, [0, 1])
    func sweep(_ kind: Crash.Kind, _ process: Int) {
        let sweep = Sweep(Self.faulty, process: process, kind: kind, stride: 97)
        #expect(sweep.crashes > 20)
        for failure in sweep.failures {
            Issue.record("\(kind) of process \(process) at step \(failure.step): \(failure.message)")
        }
    }

    static let faulty = results.first { !$0.isCalm && $0.kills > 0 }?.seed ?? 0
}
