import Glibc
import Simulation

/// Runs seeds in order, some at once. What a seed leaves behind is a few numbers, so that any number of seeds fits.
struct SeedRunner {
    struct Failure {
        let seed: UInt64
        let message: String
    }

    struct Summary {
        var failures: [Failure] = []
        var runs = 0
        var seeds = 0
        var hash: UInt64 = 0
        var coverage = Coverage()
        fileprivate(set) var processorSeconds = 0.0
        private var calm = 0
        private var kills = 0
        private var redeliveries = 0
        private var votes = 0
        private var steps = 0

        fileprivate mutating func add(_ result: SeedResult, failure: String?, runs: Int) {
            if let failure { failures.append(Failure(seed: result.seed, message: failure)) }
            self.runs += runs
            seeds += 1
            hash = (hash &* 0x100_0000_01B3) ^ result.traceHash
            coverage.merge(result.coverage)
            calm += result.isCalm ? 1 : 0
            kills += result.kills
            redeliveries += result.redeliveries
            votes += result.votes
            steps += result.steps
        }

        /// Runs a minute of processor time, whatever else the machine does.
        var rate: Int { processorSeconds > 0 ? Int(Double(runs) / processorSeconds * 60) : 0 }

        var line: String {
            "\(seeds) seeds (\(calm) calm), \(failures.count) failed, \(kills) kills, \(redeliveries) redeliveries, "
                + "\(votes) votes, \(steps / max(1, seeds)) steps a run, \(coverage.counts.count) states reached; "
                + "\(rate) runs a CPU minute"
        }
    }

    let seeds: Range<UInt64>
    let jobs: Int
    var isTwice = false
    var stopsAtFailure = false

    /// Seeds that are handed out together; the order of the summary is that of the seeds whatever `jobs` is.
    private static let chunk: UInt64 = 32

    func run() async -> Summary {
        let start = processorSeconds()
        let shows = isatty(STDERR_FILENO) != 0
        var summary = Summary()
        var next = seeds.lowerBound
        while next < seeds.upperBound {
            let rest = next..<min(next + Self.chunk * UInt64(jobs), seeds.upperBound)
            next = rest.upperBound
            let isTwice = isTwice
            let done = await withTaskGroup(of: [(SeedResult, String?)].self) { group in
                for job in 0..<jobs {
                    let mine = stride(from: rest.lowerBound + UInt64(job), to: rest.upperBound, by: jobs)
                    group.addTask { mine.map { Self.judge($0, isTwice: isTwice) } }
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            for (result, failure) in done.sorted(by: { $0.0.seed < $1.0.seed }) {
                summary.add(result, failure: failure, runs: isTwice ? 2 : 1)
            }
            summary.processorSeconds = processorSeconds() - start
            if shows {
                writeAll(
                    "\r\(summary.seeds) of \(seeds.count) seeds, \(summary.failures.count) failed, \(summary.rate) a CPU minute",
                    to: STDERR_FILENO)
            }
            if stopsAtFailure, !summary.failures.isEmpty { break }
        }
        if shows { writeAll("\r\u{1B}[K", to: STDERR_FILENO) }
        return summary
    }

    /// Without its trace and tape: they are large, and a seed gives them again.
    private static func judge(_ seed: UInt64, isTwice: Bool) -> (SeedResult, String?) {
        let result = SeedResult.run(seed)
        var failure = result.failure
        if isTwice, failure == nil, SeedResult.run(seed).traceHash != result.traceHash {
            failure = "two runs of one seed differ"
        }
        return (result.withoutTape, failure)
    }
}

/// At once, whatever the stream is.
func writeAll(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}

func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
