import Actors

extension RepositoryError {
    /// The one place where PostgreSQL's codes become the callers' two cases (manual, appendix A).
    init(_ error: PostgresError) {
        switch error {
        case .unavailable(let reason): self = .unavailable(reason)
        case .connectionLost: self = .unavailable("the connection was lost")
        case .deadlineExceeded: self = .unavailable("no answer in time")
        case .cancelled: self = .unavailable("cancelled")
        case .overloaded: self = .unavailable("too many callers wait for a connection")
        case .decoding(let column, let reason): self = .refused("column \(column): \(reason)")
        case .server(let sqlState, let message, _):
            let text = "\(sqlState): \(message)"
            self = Self.passingClasses.contains(String(sqlState.prefix(2))) ? .unavailable(text) : .refused(text)
        }
    }

    /// Connection exception, transaction rollback, insufficient resources, object not in prerequisite state (a lock
    /// not had, a server that is still starting), operator intervention, system error.
    private static let passingClasses: Set<String> = ["08", "40", "53", "55", "57", "58"]
}

extension PostgresError {
    /// serialization_failure and deadlock_detected: rolled back for others' sake, a repetition may succeed.
    var isConflict: Bool {
        guard case .server(let sqlState, _, _) = self else { return false }
        return sqlState == "40001" || sqlState == "40P01"
    }

    /// Whether a row that the constraint forbids would have been written (unique_violation).
    func violatesUniqueness(of constraint: String) -> Bool {
        guard case .server("23505", _, constraint) = self else { return false }
        return true
    }
}
