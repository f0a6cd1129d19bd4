import Testing

/// How a call ended, for bodies that may throw one kind of error.
enum Outcome<Value: Equatable & Sendable, Failure: Error & Equatable>: Equatable, Sendable {
    case returned(Value)
    case threw(Failure)
}

func outcome<Value: Equatable & Sendable, Failure: Error & Equatable>(
    _ failure: Failure.Type = Failure.self, _ body: () async throws -> Value
) async -> Outcome<Value, Failure> {
    do {
        return .returned(try await body())
    } catch {
        guard let known = error as? Failure else { preconditionFailure("an error of another kind: \(error)") }
        return .threw(known)
    }
}
