import ArgumentParser
import Simulation

struct ShrinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shrink", abstract: "Make a failing seed as boring as it can be, and tell what is left of it.")

    @Option(help: "A seed that fails.") var seed: UInt64
    @Option(help: "The most runs to spend.") var runs = 600
    @Option(help: "Write the shrunk tape to this file; `simulate replay` runs it.") var keep: String?

    func run() async throws {
        let result = SeedResult.run(seed)
        guard result.failure != nil else {
            print("seed \(seed) does not fail")
            return
        }
        let shrunk = Shrinker.shrink(result, limit: runs)
        print(shrunk.report)
        if let keep { try TapeFile.write(shrunk.result, to: keep) }
        throw ExitCode.failure
    }
}

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Run a kept tape: its choices, modulo what there is to choose from.")

    @Argument(help: "Files that `shrink --keep` wrote.") var files: [String]
    @Flag(help: "Print one line an effect.") var timeline = false

    func run() async throws {
        var failed = false
        for file in files {
            let result = try TapeFile.replay(file, keepsText: timeline)
            if timeline { print(result.trace.timeline, terminator: "") }
            print("\(file): \(result.failure ?? "holds")")
            failed = failed || result.failure != nil
        }
        if failed { throw ExitCode.failure }
    }
}

struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Crash, or drain, one process at every step of a seed, one run a step.")

    @Option(help: "The seed.") var seed: UInt64?
    @Option(help: "In place of --seed: this many of the first thousand seeds, those with the fewest steps.")
    var shortest: Int?
    @Flag(help: "The API node in place of the first worker.") var api = false
    @Flag(help: "SIGTERM in place of SIGKILL: every await is once where the drain begins.") var drain = false
    @Option(help: "Every how many steps.") var stride = 1

    mutating func validate() throws {
        guard (seed == nil) != (shortest == nil) else { throw ValidationError("give --seed or --shortest") }
        guard stride >= 1 else { throw ValidationError("--stride must be at least 1") }
    }

    func run() async throws {
        var failed = false
        for seed in seed.map({ [$0] }) ?? Self.shortest(shortest ?? 0) {
            let start = processorSeconds()
            let sweep = Sweep(seed, process: api ? 0 : 1, stride: stride, drains: drain)
            for failure in sweep.failures { print("step \(failure.step): \(failure.message)") }
            let rate = Int(Double(sweep.steps / stride) / (processorSeconds() - start) * 60)
            print(
                "seed \(seed): \(sweep.steps) steps, \(sweep.crashes) \(drain ? "drains" : "crashes"), "
                    + "\(sweep.failures.count) failed; \(rate) runs a CPU minute")
            failed = failed || !sweep.failures.isEmpty
        }
        if failed { throw ExitCode.failure }
    }

    private static func shortest(_ count: Int) -> [UInt64] {
        let steps = (UInt64(0)..<1000).map { ($0, SeedResult.run($0).steps) }
        return steps.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.prefix(count).map(\.0)
    }
}
