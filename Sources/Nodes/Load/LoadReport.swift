import FoundationEssentials
import Glibc

/// What a run of `anb load` measured.
package struct LoadReport: Sendable {
    package let url: String
    package let mix: String
    /// Requests a second that were wanted.
    package let rate: Double
    package let length: Duration
    package let outcomes: [LoadMix.Action: LoadRecorder.Outcome]
    package let seconds: [LoadRecorder.Second]

    package init(
        url: String, mix: String, rate: Double, length: Duration,
        outcomes: [LoadMix.Action: LoadRecorder.Outcome], seconds: [LoadRecorder.Second]
    ) {
        self.url = url
        self.mix = mix
        self.rate = rate
        self.length = length
        self.outcomes = outcomes
        self.seconds = seconds
    }

    /// Of answers that are no failure: a vote may be the account's second for that video.
    package static func isFine(_ action: LoadMix.Action, _ status: Int) -> Bool {
        (200..<400).contains(status) || (action == .vote && status == 400)
    }

    package var all: LatencyHistogram {
        outcomes.values.reduce(into: LatencyHistogram()) { $0 += $1.latencies }
    }

    package var failures: Int {
        outcomes.reduce(0) { sum, entry in
            sum + entry.value.statuses.reduce(0) { $0 + (Self.isFine(entry.key, $1.key) ? 0 : $1.value) }
        }
    }

    private static let percentiles: [(name: String, value: Double)] = [
        ("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9),
    ]

    private static func members(_ latencies: LatencyHistogram) -> [String: JSONValue] {
        var members: [String: JSONValue] = [
            "count": .number(Double(latencies.count)), "max_ms": .number(latencies.maximum.milliseconds),
        ]
        for (name, value) in percentiles { members["\(name)_ms"] = .number(latencies.percentile(value).milliseconds) }
        return members
    }

    package var json: JSONValue {
        var actions: [String: JSONValue] = [:]
        for (action, outcome) in outcomes {
            var members = Self.members(outcome.latencies)
            members["statuses"] = .object(
                Dictionary(uniqueKeysWithValues: outcome.statuses.map { ("\($0.key)", .number(Double($0.value))) }))
            actions[action.rawValue] = .object(members)
        }
        var members = Self.members(all)
        members["url"] = .text(url)
        members["mix"] = .text(mix)
        members["rate_wanted"] = .number(rate)
        members["rate"] = .number(Double(all.count) / max(length.inSeconds, 0.001))
        members["seconds"] = .number(length.inSeconds)
        members["failures"] = .number(Double(failures))
        members["actions"] = .object(actions)
        return .object(members)
    }

    package var text: String {
        var table = TextTable(
            ["action", "requests"] + Self.percentiles.map(\.name) + ["max", "answers"])
        func cells(_ latencies: LatencyHistogram) -> [String] {
            (Self.percentiles.map { latencies.percentile($0.value) } + [latencies.maximum]).map(Self.readable)
        }
        for action in LoadMix.Action.allCases {
            guard let outcome = outcomes[action] else { continue }
            let statuses = outcome.statuses.sorted { $0.key < $1.key }
                .map { $0.key == 0 ? "none ×\($0.value)" : "\($0.key) ×\($0.value)" }.joined(separator: ", ")
            table.add([action.rawValue, "\(outcome.latencies.count)"] + cells(outcome.latencies) + [statuses])
        }
        table.add(["all", "\(all.count)"] + cells(all) + ["\(failures) failed"])
        return table.text
    }

    static func readable(_ latency: Duration) -> String {
        let milliseconds = latency.milliseconds
        if milliseconds >= 1000 { return "\((milliseconds / 10).rounded() / 100) s" }
        return milliseconds >= 10 ? "\(Int(milliseconds.rounded())) ms" : "\((milliseconds * 100).rounded() / 100) ms"
    }

    // MARK: - Plot

    /// An SVG: percentiles of each second on a logarithmic scale, requests and failures below it.
    package var plot: String {
        let (width, height, left, top) = (860.0, 420.0, 70.0, 40.0)
        let inner = (width: width - left - 30, height: 240.0)
        let count = max(seconds.count, 2)
        let worst = max(1, seconds.map { $0.latencies.maximum.milliseconds }.max() ?? 1)
        let decades = max(1, Int(log10(worst * 10).rounded(.up)))
        func x(_ second: Int) -> Double { left + inner.width * Double(second) / Double(count - 1) }
        // From a tenth of a millisecond.
        func y(_ milliseconds: Double) -> Double {
            top + inner.height * (1 - log10(max(milliseconds, 0.1) * 10) / Double(decades))
        }
        func line(_ color: String, _ value: (LoadRecorder.Second) -> Double) -> String {
            SVG.line(seconds.indices.filter { seconds[$0].done > 0 }.map { (x($0), value(seconds[$0])) }, color)
        }
        var parts = [
            SVG.text(left, 20, size: 14, "\(url): \(SVG.number(rate)) requests a second, \(mix)")
        ]
        for decade in 0...decades {
            let value = pow(10, Double(decade - 1))
            parts.append(SVG.rule(left, y(value), inner.width))
            parts.append(SVG.text(left - 6, y(value) + 4, anchor: "end", "\(SVG.number(value)) ms"))
        }
        let colors = ["#2a9d8f", "#e9a23b", "#c8102e"]
        for (index, percentile) in Self.percentiles.prefix(3).enumerated() {
            parts.append(line(colors[index]) { y($0.latencies.percentile(percentile.value).milliseconds) })
            let place = left + Double(index) * 60
            parts.append(SVG.text(place, height - 8, color: colors[index], percentile.name))
        }
        let most = Double(max(1, seconds.map(\.done).max() ?? 1))
        let (low, span) = (height - 30, 70.0)
        parts.append(line("#555") { low - span * Double($0.done) / most })
        parts.append(line("#a0a") { low - span * Double($0.failed) / most })
        parts.append(
            SVG.text(left + 200, height - 8, color: "#555", "requests (at most \(Int(most)) a second)"))
        parts.append(SVG.text(left + 440, height - 8, color: "#a0a", "failures"))
        return SVG.document(width: Int(width), height: Int(height), parts)
    }
}
