import Synchronization

/// One statement or script on its way through the reactor, with the caller who waits for it.
struct PostgresJob: Sendable {
    typealias Outcome = Result<PostgresRows, PostgresError>

    enum Work: Sendable {
        case statement(PostgresStatement, PostgresParameters)
        /// By the simple protocol; may hold several statements.
        case script(String)
    }

    let id: JobID
    let work: Work
    let lease: PostgresPool.LeaseUse
    let deadline: ContinuousClock.Instant
    /// Set before the command that stops the job is posted: that command may overtake the job itself.
    let wasCancelled: PostgresFlag?
    let continuation: CheckedContinuation<Outcome, Never>
}

final class PostgresFlag: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() { flag.store(true, ordering: .releasing) }
}

/// Somebody who wants to know of notifications on a channel.
struct PostgresSubscription: Sendable {
    let id: UInt64
    let channel: String
    let continuation: AsyncStream<Void>.Continuation
}
