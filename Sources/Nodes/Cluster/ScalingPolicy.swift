import Actors

/// When a group of API nodes grows and shrinks: the owner's rules, as the design reads them.
///
/// `anb cluster up --scale` and `anb plan` use it; deploy/aws/anb.yaml says the same to AWS.
package struct ScalingPolicy: Sendable, Equatable {
    /// What the rules "+1 over 40 requests, +1 over 70 % CPU, −1 under 30 % CPU" mean together.
    package enum Reading: String, Sendable, CaseIterable {
        /// A node goes only after some minutes with little CPU and few requests.
        case ours
        /// Each rule by itself: requests that cost little CPU make a node come and go for ever.
        case literal
    }

    package var reading = Reading.ours
    package var minimum = 1
    package var maximum = 5
    /// Between two changes.
    package var cooldown: Duration = .seconds(300)
    /// Requests a node and minute (ALBRequestCountPerTarget).
    package var manyRequests = 40.0
    /// Percent, on the average of the nodes.
    package var highCPU = 70.0
    package var lowCPU = 30.0
    /// Requests a node and minute under which one may go: with half of `manyRequests` two nodes become one that has
    /// just enough.
    package var fewRequests = 20.0
    /// So many minutes in a row must be busy before one comes, and quiet before one goes.
    package var busyMinutes = 2
    package var quietMinutes = 15

    package init(reading: Reading = .ours) { self.reading = reading }

    /// One minute of the group.
    package struct Load: Sendable, Equatable {
        /// Of all nodes together.
        package var requestsAMinute: Double
        package var cpuPercent: Double

        package init(requestsAMinute: Double, cpuPercent: Double) {
            self.requestsAMinute = requestsAMinute
            self.cpuPercent = cpuPercent
        }
    }

    /// - Returns: 1, 0 or −1: how many nodes more.
    package func change(_ load: Load, nodes: Int) -> Int {
        let each = load.requestsAMinute / Double(max(1, nodes))
        if each > manyRequests || load.cpuPercent > highCPU, nodes < maximum { return 1 }
        guard load.cpuPercent < lowCPU, nodes > minimum else { return nodes < minimum ? 1 : 0 }
        return reading == .literal || each < fewRequests ? -1 : 0
    }
}

/// A policy with its cooldown.
package struct Scaler: Sendable {
    package let policy: ScalingPolicy
    private var lastChange: Duration?
    /// Minutes in a row that asked for the same: busy ones above 0, quiet ones below.
    private var streak = 0

    package init(policy: ScalingPolicy) { self.policy = policy }

    /// To be asked once a minute.
    /// - Parameter now: since any fixed moment.
    package mutating func change(_ load: ScalingPolicy.Load, nodes: Int, at now: Duration) -> Int {
        let wanted = policy.change(load, nodes: nodes)
        streak = wanted.signum() == streak.signum() ? streak + wanted : wanted
        if let lastChange, now - lastChange < policy.cooldown { return 0 }
        let isSteady = streak >= policy.busyMinutes || -streak >= policy.quietMinutes
        guard wanted != 0, policy.reading == .literal || isSteady else { return 0 }
        lastChange = now
        return wanted
    }
}
