/// Makes a failing run boring: zeroes blocks of its choices as long as the same invariant fails.
package struct Shrinker {
    package let result: SeedResult
    package let runs: Int
    package let choicesBefore: Int

    package var report: String {
        """
        shrunk in \(runs) runs from \(choicesBefore) to \(result.recording.nonZeroCount) choices that are not boring
        \(SeedResult.run(result.seed, replaying: result.recording, keepsText: true).trace.timeline)
        """
    }

    /// - Parameter limit: the most runs it makes.
    package static func shrink(_ failing: SeedResult, limit: Int = 200) -> Shrinker {
        var best = failing
        var runs = 0
        func accept(_ recording: TapeRecording) -> Bool {
            guard runs < limit else { return false }
            runs += 1
            let result = SeedResult.run(failing.seed, replaying: recording)
            guard let failure = result.failure, kind(failure) == kind(failing.failure ?? "") else { return false }
            best = result
            return true
        }
        for stream in [ChoiceStream.fault, .latency, .sched, .workload] {
            var size = best.recording[stream].count
            while size >= 1, runs < limit {
                var from = 0
                while from < best.recording[stream].count, runs < limit {
                    var candidate = best.recording
                    let range = from..<min(from + size, candidate[stream].count)
                    if candidate[stream][range].contains(where: { $0 != 0 }) {
                        for index in range { candidate[stream][index] = 0 }
                        _ = accept(candidate)
                    }
                    from += size
                }
                if stream == .sched, size < 64 { break }
                size /= 2
            }
        }
        return Shrinker(result: best, runs: runs, choicesBefore: failing.recording.nonZeroCount)
    }

    /// An invariant's name: the failure's first word.
    private static func kind(_ failure: String) -> Substring { failure.prefix { $0 != " " && $0 != ":" } }
}
