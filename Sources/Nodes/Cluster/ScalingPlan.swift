import Actors
import FoundationEssentials

/// A recorded load: one line a minute, how many requests came in it.
package struct LoadTrace: Sendable, Equatable {
    package let requests: [Double]

    package init(requests: [Double]) { self.requests = requests }

    /// Lines `minute,requests`, with or without a header; minutes that are missing had no requests.
    /// - Throws: `PlanFailure` that names the line.
    package init(csv: String) throws(PlanFailure) {
        var requests: [Double] = []
        for (index, line) in csv.split(whereSeparator: \.isNewline).enumerated() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map {
                String($0.filter { !$0.isWhitespace })
            }
            if index == 0, Double(cells[0]) == nil { continue }
            guard cells.count == 2, let minute = Int(cells[0]), let count = Double(cells[1]), count.isFinite,
                count >= 0,
                minute >= requests.count
            else {
                throw PlanFailure(
                    "line \(index + 1), \"\(line)\": wanted is minute,requests, both 0 or more, minutes in order")
            }
            guard minute < Self.maximumMinutes else {
                throw PlanFailure("line \(index + 1): a trace has at most \(Self.maximumMinutes) minutes")
            }
            requests += [Double](repeating: 0, count: minute - requests.count)
            requests.append(count)
        }
        guard !requests.isEmpty else { throw PlanFailure("the trace has no line minute,requests") }
        self.requests = requests
    }

    /// Ten weeks.
    package static let maximumMinutes = 100_800
}

package struct PlanFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What a policy makes of a trace, minute by minute.
package struct ScalingPlan: Sendable {
    package struct Machine: Sendable {
        /// Processor time of one request, on one machine.
        package var requestCPU: Duration = .milliseconds(6)
        /// From the decision to the first request: boot, start, two health checks.
        package var startMinutes = 3
        /// Dollars an hour: t2.small in us-east-1.
        package var pricePerHour = 0.023

        package init() {}
    }

    package struct Minute: Sendable, Equatable {
        package let requests: Double
        /// Percent; over 100 the machines cannot keep up.
        package let cpuPercent: Double
        /// That serve.
        package let serving: Int
        /// That are paid for.
        package let running: Int
        package let change: Int
    }

    package let policy: ScalingPolicy
    package let machine: Machine
    package let minutes: [Minute]

    package init(_ trace: LoadTrace, policy: ScalingPolicy, machine: Machine = Machine()) {
        var scaler = Scaler(policy: policy)
        var serving = policy.minimum
        /// Minutes at whose start a machine is ready.
        var starting: [Int] = []
        var minutes: [Minute] = []
        for (number, requests) in trace.requests.enumerated() {
            serving += starting.count { $0 <= number }
            starting.removeAll { $0 <= number }
            let cpu = requests * machine.requestCPU.inSeconds / 60 / Double(serving) * 100
            let load = ScalingPolicy.Load(requestsAMinute: requests, cpuPercent: min(100, cpu))
            let running = serving + starting.count
            let change = scaler.change(load, nodes: running, at: .seconds(60 * (number + 1)))
            minutes.append(
                Minute(requests: requests, cpuPercent: cpu, serving: serving, running: running, change: change))
            if change > 0 { starting.append(number + machine.startMinutes) }
            if change < 0 { if starting.isEmpty { serving -= 1 } else { starting.removeLast() } }
        }
        self.policy = policy
        self.machine = machine
        self.minutes = minutes
    }

    // MARK: - What it came to

    package var instanceHours: Double { Double(minutes.reduce(0) { $0 + $1.running }) / 60 }
    package var cost: Double { instanceHours * machine.pricePerHour }
    package var changes: Int { minutes.count { $0.change != 0 } }
    package var peak: Int { minutes.map(\.running).max() ?? 0 }
    package var overloadedMinutes: Int { minutes.count { $0.cpuPercent > 100 } }

    /// Changes that take back the one before within a quarter of an hour.
    package var reversals: Int {
        var last: (minute: Int, change: Int)?
        var count = 0
        for (number, minute) in minutes.enumerated() where minute.change != 0 {
            if let last, last.change == -minute.change, number - last.minute <= 15 { count += 1 }
            last = (number, minute.change)
        }
        return count
    }

    package var json: JSONValue {
        .object([
            "instance_hours": .number(Self.rounded(instanceHours)), "cost_dollars": .number(Self.rounded(cost)),
            "changes": .number(Double(changes)), "reversals": .number(Double(reversals)),
            "peak_instances": .number(Double(peak)), "overloaded_minutes": .number(Double(overloadedMinutes)),
        ])
    }

    static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
