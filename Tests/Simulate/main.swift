import Glibc
import Simulation

guard let arguments = Arguments(Array(CommandLine.arguments.dropFirst())) else {
    print(Arguments.usage)
    exit(64)
}
exit((arguments.sweepsProcess.map { sweep(arguments.seeds.lowerBound, process: $0) } ?? runSeeds(arguments)) ? 0 : 1)

/// - Returns: whether no seed failed.
func runSeeds(_ arguments: Arguments) -> Bool {
    let start = processorSeconds()
    var (failed, calm, kills, redeliveries, votes, steps) = (0, 0, 0, 0, 0, 0)
    var hash: UInt64 = 0
    for seed in arguments.seeds {
        let result = SeedResult.run(seed, keepsText: arguments.showsTimeline)
        var failure = result.failure
        if arguments.isTwice, failure == nil, SeedResult.run(seed).traceHash != result.traceHash {
            failure = "two runs of one seed differ"
        }
        calm += result.isCalm ? 1 : 0
        kills += result.kills
        redeliveries += result.redeliveries
        votes += result.votes
        steps += result.steps
        hash = (hash &* 0x100_0000_01B3) ^ result.traceHash
        if arguments.showsTimeline, !arguments.shrinks { print(result.trace.timeline) }
        if let failure {
            failed += 1
            print("seed \(seed): \(failure)")
            print("  reproduce: simulate --seed \(seed) --timeline")
            if arguments.shrinks { print(Shrinker.shrink(result).report) }
        }
    }
    let count = arguments.seeds.count * (arguments.isTwice ? 2 : 1)
    if arguments.printsHash { print("hash \(String(hash, radix: 16))") }
    print(
        "\(arguments.seeds.count) seeds (\(calm) calm), \(failed) failed, \(kills) kills, "
            + "\(redeliveries) redeliveries, \(votes) votes, \(steps / max(1, arguments.seeds.count)) steps a run; \(rate(count, since: start)) runs a CPU minute"
    )
    return failed == 0
}

/// - Returns: whether no crash point failed.
func sweep(_ seed: UInt64, process: Int) -> Bool {
    let start = processorSeconds()
    let sweep = Sweep(seed, process: process)
    for failure in sweep.failures { print("crash at step \(failure.step): \(failure.message)") }
    print(
        "seed \(seed): \(sweep.steps) steps, \(sweep.crashes) crash points, \(sweep.failures.count) failed; "
            + "\(rate(sweep.steps, since: start)) runs a CPU minute")
    return sweep.failures.isEmpty
}

/// Runs a minute of one core, whatever else the machine does.
func rate(_ count: Int, since start: Double) -> Int { Int(Double(count) / (processorSeconds() - start) * 60) }

func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
