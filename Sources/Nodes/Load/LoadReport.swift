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
            let points = seconds.indices.filter { seconds[$0].done > 0 }
                .map { "\(Self.round(x($0))),\(Self.round(value(seconds[$0])))" }.joined(separator: " ")
            return "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.5\" points=\"\(points)\"/>"
        }
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(width)) \(Int(height))\" font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
            "<text x=\"\(left)\" y=\"20\" font-size=\"14\">\(Self.escaped(url)): \(Self.round(rate)) requests a second, \(Self.escaped(mix))</text>",
        ]
        for decade in 0...decades {
            let value = pow(10, Double(decade - 1))
            parts.append(
                "<path d=\"M\(left) \(Self.round(y(value)))H\(left + inner.width)\" stroke=\"#ddd\"/><text x=\"\(left - 6)\" y=\"\(Self.round(y(value) + 4))\" text-anchor=\"end\">\(Self.round(value)) ms</text>"
            )
        }
        let colors = ["#2a9d8f", "#e9a23b", "#c8102e"]
        for ((name, percent), color) in zip(Self.percentiles.prefix(3), colors) {
            parts.append(line(color) { y($0.latencies.percentile(percent).milliseconds) })
            let place = left + Double(colors.firstIndex(of: color) ?? 0) * 60
            parts.append("<text x=\"\(place)\" y=\"\(height - 8)\" fill=\"\(color)\">\(name)</text>")
        }
        let most = Double(max(1, seconds.map(\.done).max() ?? 1))
        let (low, span) = (height - 30, 70.0)
        parts.append(line("#555") { low - span * Double($0.done) / most })
        parts.append(line("#a0a") { low - span * Double($0.failed) / most })
        parts.append(
            "<text x=\"\(left + 200)\" y=\"\(height - 8)\" fill=\"#555\">requests (at most \(Int(most)) a second)</text><text x=\"\(left + 440)\" y=\"\(height - 8)\" fill=\"#a0a\">failures</text></svg>"
        )
        return parts.joined(separator: "\n") + "\n"
    }

    private static func round(_ value: Double) -> String {
        let hundredths = (value * 100).rounded() / 100
        return hundredths == hundredths.rounded() ? "\(Int(hundredths))" : "\(hundredths)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
