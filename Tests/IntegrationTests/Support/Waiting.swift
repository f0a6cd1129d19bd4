/// A condition that did not come true within its bound.
struct WaitedInVain: Error, CustomStringConvertible {
    let description: String
}

/// Asks `probe` again and again until it has a value: waits are for conditions, never for a fixed time.
func eventually<Value>(
    _ what: String, within bound: Duration = .seconds(15), _ probe: () async throws -> Value?
) async throws -> Value {
    let end = ContinuousClock.now + bound
    while true {
        if let value = try await probe() { return value }
        if ContinuousClock.now > end { throw WaitedInVain(description: "not within \(bound): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

func untilTrue(
    _ what: String, within bound: Duration = .seconds(15), _ condition: () async throws -> Bool
) async throws {
    _ = try await eventually(what, within: bound) { try await condition() ? true : nil }
}
