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
        commandName: "sweep",
        abstract: "Crash, drain or cancel one process at every step of a seed, one run a step.",
        discussion: "What `./anb test` runs: simulate sweep --small --shortest 10 --every --jobs 2")

    @Option(help: "The seed.") var seed: UInt64?
    @Option(help: "In place of --seed: this many of the first thousand seeds, those with the fewest steps.")
    var shortest: Int?
    @Flag(help: "The API node in place of the first worker.") var api = false
    @Option(help: "kill, drain (SIGTERM) or cancel (all tasks).") var kind = Crash.Kind.kill
    @Flag(help: "All three kinds, of the API node and of the worker.") var every = false
    @Flag(help: "A world of one API node, one worker and two clips, of some hundred steps.") var small = false
    @Option(help: "Every how many steps.") var stride = 1
    @Option(help: "Sweeps at once.") var jobs = 1

    mutating func validate() throws {
        guard (seed == nil) != (shortest == nil) else { throw ValidationError("give --seed or --shortest") }
        guard stride >= 1, jobs >= 1 else { throw ValidationError("--stride and --jobs must be at least 1") }
    }

    func run() async throws {
        let kinds = every ? Crash.Kind.allCases : [kind]
        let processes = every ? [0, 1] : [api ? 0 : 1]
        let seeds = seed.map { [$0] } ?? shortestSeeds(shortest ?? 0)
        let plans = seeds.flatMap { seed in
            kinds.flatMap { kind in processes.map { (seed: seed, kind: kind, process: $0) } }
        }
        let start = processorSeconds()
        var (runs, met, failed) = (0, 0, 0)
        await withTaskGroup(of: (Int, Sweep).self) { group in
            var next = 0
            func add() {
                guard next < plans.count else { return }
                let (index, plan, stride, small) = (next, plans[next], stride, small)
                next += 1
                group.addTask {
                    (index, Sweep(plan.seed, process: plan.process, kind: plan.kind, stride: stride, isSmall: small))
                }
            }
            for _ in 0..<jobs { add() }
            while let (index, sweep) = await group.next() {
                let plan = plans[index]
                let name =
                    "seed \(plan.seed), \(plan.kind.rawValue) of the \(plan.process == 0 ? "API node" : "worker")"
                for failure in sweep.failures { print("\(name) at step \(failure.step): \(failure.message)") }
                runs += sweep.runs
                met += sweep.crashes
                failed += sweep.failures.count
                add()
            }
        }
        let rate = Int(Double(runs) / (processorSeconds() - start) * 60)
        print("\(plans.count) sweeps, \(runs) runs, met \(met) times, \(failed) failed; \(rate) runs a CPU minute")
        if failed > 0 { throw ExitCode.failure }
    }

    private func shortestSeeds(_ count: Int) -> [UInt64] {
        let steps = (UInt64(0)..<1000).map { ($0, SeedResult.run($0, isSmall: small).steps) }
        return steps.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.prefix(count).map(\.0)
    }
}

extension Crash.Kind: ExpressibleByArgument {}
