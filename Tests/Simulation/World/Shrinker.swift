/// Makes a failing run boring: zeroes blocks of its choices as long as the same invariant fails.
package struct Shrinker {
    package let result: SeedResult
    package let runs: Int
    package let choicesBefore: Int

    /// The failure and what led to it.
    package var report: String {
        let trace = SeedResult.run(result.seed, replaying: result.recording, keepsText: true).trace
        return """
            \(result.failure ?? "holds")
            shrunk in \(runs) runs from \(choicesBefore) to \(result.recording.nonZeroCount) choices that are not boring
            \(trace.story(of: Self.subject(result.failure ?? ""), lines: Self.storyLines))
            """
    }

    package static let storyLines = 36

    /// What a failure is about: the second word, without a dispatch's number.
    private static func subject(_ failure: String) -> String {
        let words = failure.split(separator: " ")
        guard words.count > 1 else { return "" }
        return String(words[1].prefix { $0 != ":" && $0 != "#" })
    }

    /// - Parameter limit: the most runs it makes.
    package static func shrink(_ failing: SeedResult, limit: Int = 600) -> Shrinker {
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
        for stream in [ChoiceStream.fault, .workload, .latency, .sched] {
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
