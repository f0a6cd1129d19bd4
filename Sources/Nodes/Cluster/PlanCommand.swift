import ArgumentParser
import FoundationEssentials
import Glibc

/// `anb plan TRACE.csv`: what auto scaling makes of a load, before money is spent on it.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Replay a load through the auto scaling policy: instances, cost, changes that take each other back.",
        discussion: """
            A trace has a line a minute: minute,requests. The owner's three rules are read as the design reads them \
            (ours), and literally, so that both can be compared. Example: anb plan deploy/aws/voting-night.csv \
            --plot plan.svg
            """)

    @Argument(help: "The trace.") var trace: String
    @Option(help: "Processor time of one request in milliseconds, on one machine.") var cpuMs = 6.0
    @Option(help: "Minutes from a decision to the new machine's first request.") var startMinutes = 3
    @Option(help: "Dollars an hour of one machine.") var price = 0.023
    @Option(help: "Machines at least.") var minimum = 1
    @Option(help: "Machines at most.") var maximum = 5
    @Option(help: "Write an SVG of load, instances and cost to this file.") var plot: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard cpuMs > 0, cpuMs <= 60_000, (0...60).contains(startMinutes), price >= 0, (1...1000).contains(minimum),
            (minimum...1000).contains(maximum)
        else {
            throw ValidationError(
                "a value is out of its bounds: milliseconds over 0, minutes 0 to 60, 1 ≤ minimum ≤ maximum")
        }
    }

    func run() async throws {
        let plans: [ScalingPlan]
        do {
            guard let data = try? Data(contentsOf: URL(filePath: trace)) else {
                throw PlanFailure("\(trace) cannot be read: \(String(cString: strerror(errno)))")
            }
            let load = try LoadTrace(csv: String(decoding: data, as: UTF8.self))
            var machine = ScalingPlan.Machine()
            machine.requestCPU = .microseconds(Int64(cpuMs * 1000))
            machine.startMinutes = startMinutes
            machine.pricePerHour = price
            plans = ScalingPolicy.Reading.allCases.map { reading in
                var policy = ScalingPolicy(reading: reading)
                policy.minimum = minimum
                policy.maximum = maximum
                return ScalingPlan(load, policy: policy, machine: machine)
            }
            if let plot { try Data(PlanPlot(plans: plans).svg.utf8).write(to: URL(filePath: plot)) }
        } catch let failure as PlanFailure {
            StandardError.write("anb: \(failure)")
            throw OperatorExit.negative
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
            let all = JSONValue.object(
                Dictionary(uniqueKeysWithValues: plans.map { ($0.policy.reading.rawValue, $0.json) }))
            print(String(decoding: try encoder.encode(all), as: UTF8.self))
        } else {
            print(Self.table(plans))
        }
    }

    private static func table(_ plans: [ScalingPlan]) -> String {
        var table = TextTable([""] + plans.map(\.policy.reading.rawValue))
        table.add(["instance hours"] + plans.map { "\(ScalingPlan.rounded($0.instanceHours))" })
        table.add(["cost"] + plans.map { "$\(ScalingPlan.rounded($0.cost))" })
        table.add(["instances at most"] + plans.map { "\($0.peak)" })
        table.add(["changes"] + plans.map { "\($0.changes)" })
        table.add(["taken back within 15 min"] + plans.map { "\($0.reversals)" })
        table.add(["minutes over 100 % CPU"] + plans.map { "\($0.overloadedMinutes)" })
        return table.text
    }
}

/// Load above, below it the instances of each reading, and what they cost.
struct PlanPlot {
    let plans: [ScalingPlan]

    private static let colors: [ScalingPolicy.Reading: String] = [.ours: "#2a9d8f", .literal: "#c8102e"]

    var svg: String {
        let minutes = plans.first?.minutes ?? []
        let (left, width) = (70.0, 760.0)
        func x(_ minute: Int) -> Double { left + width * Double(minute) / Double(max(1, minutes.count - 1)) }
        let most = max(1, minutes.map(\.requests).max() ?? 1)
        let (loadBase, loadHeight) = (200.0, 150.0)
        var parts = [
            SVG.text(left, 24, size: 14, "requests a minute (at most \(SVG.number(most)))"),
            SVG.line(minutes.indices.map { (x($0), loadBase - loadHeight * minutes[$0].requests / most) }, "#555"),
        ]
        var base = 330.0
        for plan in plans {
            let color = Self.colors[plan.policy.reading] ?? "#000"
            let step = 80.0 / Double(max(plan.policy.maximum, plan.peak))
            for count in 0...max(plan.policy.maximum, plan.peak) where count % max(1, plan.policy.maximum / 5) == 0 {
                let y = base - step * Double(count)
                parts.append(SVG.rule(left, y, width))
                parts.append(SVG.text(left - 8, y + 4, size: 11, anchor: "end", "\(count)"))
            }
            // Stairs: a count holds until it changes.
            var points: [(Double, Double)] = []
            for (number, minute) in plan.minutes.enumerated() {
                let y = base - step * Double(minute.running)
                if let last = points.last, last.1 != y { points.append((x(number), last.1)) }
                if points.last?.1 != y || number == plan.minutes.count - 1 { points.append((x(number), y)) }
            }
            parts.append(SVG.line(points, color))
            parts.append(
                SVG.text(
                    left, base - 92, size: 13, color: color,
                    "\(plan.policy.reading.rawValue): \(SVG.number(plan.instanceHours)) instance hours, $\(SVG.number(plan.cost)), \(plan.changes) changes, \(plan.reversals) of them taken back within 15 minutes"
                ))
            base += 130
        }
        parts.append(SVG.text(left, base - 90, size: 11, color: "#555", "\(minutes.count) minutes"))
        return SVG.document(width: 860, height: Int(base) - 80, parts)
    }
}
