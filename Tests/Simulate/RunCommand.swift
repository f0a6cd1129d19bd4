import ArgumentParser
import Glibc
import Simulation

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a range of seeds, or tell the story of one.",
        discussion: """
            Exit code 1 when an invariant failed. Examples:
              simulate --seeds '0..<20000' --jobs 2
              simulate --seed 7 --timeline
            """)

    @Option(help: "Which seeds, for example '0..<1000'.") var seeds = SeedRange(0..<1000)
    @Option(help: "One seed.") var seed: UInt64?
    @Option(help: "Seeds at once.") var jobs = 1
    @Flag(help: "Run each seed twice; two traces that differ are a failure.") var twice = false
    @Flag(help: "Stop at the first failure.") var untilFailure = false
    @Flag(help: "Print a hash over all traces: equal on every machine for one build.") var printHash = false
    @Flag(help: "Print which combinations of actor, state and event were reached, and how often.") var coverage = false
    @Flag(help: "Print one line an effect: virtual time, process, effect.") var timeline = false
    @Flag(help: "With --timeline: a JSON object a line.") var json = false

    mutating func validate() throws {
        guard jobs >= 1 else { throw ValidationError("--jobs must be at least 1") }
        if let seed, seed == .max { throw ValidationError("the largest seed is \(UInt64.max - 1)") }
        if timeline, seed == nil { throw ValidationError("--timeline tells the story of one --seed") }
    }

    func run() async throws {
        if timeline, let seed {
            let result = SeedResult.run(seed, keepsText: true)
            print(json ? result.trace.jsonLines : result.trace.timeline, terminator: "")
        }
        let range = seed.map { $0..<($0 + 1) } ?? seeds.seeds
        let summary = await SeedRunner(seeds: range, jobs: jobs, isTwice: twice, stopsAtFailure: untilFailure).run()
        for failure in summary.failures {
            print("seed \(failure.seed): \(failure.message)")
            print("  reproduce: simulate --seed \(failure.seed) --timeline; simulate shrink --seed \(failure.seed)")
        }
        if printHash { print("hash \(String(summary.hash, radix: 16))") }
        if coverage { print(summary.coverage.report) }
        print(summary.line)
        if !summary.failures.isEmpty { throw ExitCode.failure }
    }
}
