package enum ReservationVerdict: Sendable, Equatable {
    /// Also for a repetition with the same token.
    case reserved
    /// Another request holds the key.
    case inProgress
    case answered(RememberedAnswer)
    /// The account has `IdempotencyKey.maximumOfUser` others.
    case tooMany
}

/// What is kept of idempotency keys. Answers with an effect are written by the effect's own transaction
/// (`NewVideo.answerOnce`, `VoteBatch.reservations`), which fails when the reservation is another's by then.
package protocol IdempotencyRepository: Sendable {
    /// Reserves a key that is unknown, was reserved longer than its hold ago, or was answered longer than
    /// `IdempotencyKey.memory` ago.
    /// - Parameter payload: what is asked for, where that is known before the answer.
    func reserve(_ key: IdempotencyKey, payload: String?, token: ReservationToken, hold: Duration)
        async throws(RepositoryError) -> ReservationVerdict
    /// The hold starts anew.
    func renew(_ token: ReservationToken, hold: Duration) async throws(RepositoryError)
    /// An answer without an effect.
    func remember(_ answer: AnswerOnce) async throws(RepositoryError)
    /// Forgets a reservation that was not answered.
    func release(_ token: ReservationToken) async throws(RepositoryError)
    /// Forgets what is older than `IdempotencyKey.memory`.
    func pruneKeys() async throws(RepositoryError)
}
