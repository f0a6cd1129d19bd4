/// The load balancer's rule: so many checks in a row make a node healthy, or not.
package struct HealthTally: Sendable, Equatable {
    /// The owner's numbers: two and two.
    package static let healthyAfter = 2
    package static let unhealthyAfter = 2

    package private(set) var isHealthy = false
    private var streak = 0

    package init() {}

    /// - Returns: whether that changed the node's state.
    package mutating func record(_ answered200: Bool) -> Bool {
        guard answered200 != isHealthy else {
            streak = 0
            return false
        }
        streak += 1
        guard streak >= (isHealthy ? Self.unhealthyAfter : Self.healthyAfter) else { return false }
        isHealthy.toggle()
        streak = 0
        return true
    }
}
