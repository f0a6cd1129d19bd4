import Glibc
import Simulation

/// `simulate --seeds 0..<1000 [--twice] [--print-hash]`, `simulate --seed N [--timeline] [--shrink]`.
struct Arguments {
    var seeds: Range<UInt64> = 0..<1000
    var isTwice = false
    var printsHash = false
    var showsTimeline = false
    var shrinks = false

    init?(_ words: [String]) {
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--twice": isTwice = true
            case "--print-hash": printsHash = true
            case "--timeline": showsTimeline = true
            case "--shrink": shrinks = true
            case "--seed":
                guard let seed = rest.popFirst().flatMap({ UInt64($0) }), seed < .max else { return nil }
                seeds = seed..<(seed + 1)
            case "--seeds":
                guard let bounds = rest.popFirst()?.split(separator: "..<"), bounds.count == 2,
                    let low = UInt64(bounds[0]), let high = UInt64(bounds[1]), low <= high
                else { return nil }
                seeds = low..<high
            default: return nil
            }
        }
    }
}

guard let arguments = Arguments(Array(CommandLine.arguments.dropFirst())) else {
    print("usage: simulate [--seeds A..<B | --seed N] [--twice] [--print-hash] [--timeline] [--shrink]")
    exit(64)
}

let start = ContinuousClock.now
var failed = 0
var calm = 0
var kills = 0
var redeliveries = 0
var hash: UInt64 = 0
for seed in arguments.seeds {
    let result = SeedResult.run(seed)
    var failure = result.failure
    if arguments.isTwice, failure == nil, SeedResult.run(seed).traceHash != result.traceHash {
        failure = "two runs of one seed differ"
    }
    calm += result.isCalm ? 1 : 0
    kills += result.kills
    redeliveries += result.redeliveries
    hash = (hash &* 0x100_0000_01B3) ^ result.traceHash
    if arguments.showsTimeline, !arguments.shrinks { print(result.trace.timeline) }
    if let failure {
        failed += 1
        print("seed \(seed): \(failure)")
        print("  reproduce: simulate --seed \(seed) --timeline")
        if arguments.shrinks { print(Shrinker.shrink(result).report) }
    }
}
let elapsed = ContinuousClock.now - start
let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
let count = arguments.seeds.count * (arguments.isTwice ? 2 : 1)
if arguments.printsHash { print("hash \(String(hash, radix: 16))") }
print(
    "\(arguments.seeds.count) seeds (\(calm) calm), \(failed) failed, \(kills) kills, \(redeliveries) redeliveries; "
        + "\(Int(Double(count) / seconds * 60)) runs/minute")
exit(failed == 0 ? 0 : 1)
