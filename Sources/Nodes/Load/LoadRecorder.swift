/// Everything that came back. Owns the histograms of each action and of each second.
package actor LoadRecorder {
    package struct Outcome: Sendable, Equatable {
        package var latencies = LatencyHistogram()
        /// By HTTP status; 0: no answer.
        package var statuses: [Int: Int] = [:]
    }

    package struct Second: Sendable, Equatable {
        package var done = 0
        package var failed = 0
        package var latencies = LatencyHistogram()
    }

    package private(set) var outcomes: [LoadMix.Action: Outcome] = [:]
    package private(set) var seconds: [Second] = []
    package private(set) var done = 0

    package init() {}

    /// - Parameters:
    ///   - second: in which the request was due.
    ///   - latency: since it was due, not since it was sent: a server that makes clients queue does not hide it.
    package func record(_ action: LoadMix.Action, status: Int, second: Int, latency: Duration) {
        outcomes[action, default: Outcome()].latencies.record(latency)
        outcomes[action, default: Outcome()].statuses[status, default: 0] += 1
        while seconds.count <= second { seconds.append(Second()) }
        seconds[second].done += 1
        if !LoadReport.isFine(action, status) { seconds[second].failed += 1 }
        seconds[second].latencies.record(latency)
        done += 1
    }
}
