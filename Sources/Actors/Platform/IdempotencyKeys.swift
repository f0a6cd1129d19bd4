/// Requests that come more than once: who is first, and what the first was told. Holds no state of its own.
package struct IdempotencyKeys: Sendable {
    /// A node that dies leaves its keys to the next request after this.
    package static let hold: Duration = .seconds(60)
    package static let renewal: Duration = .seconds(20)

    private let repository: any IdempotencyRepository
    private let ids: IdentifierSource
    private let clock: any NodeClock

    package init(repository: any IdempotencyRepository, ids: IdentifierSource, clock: any NodeClock) {
        self.repository = repository
        self.ids = ids
        self.clock = clock
    }

    package enum Beginning: Sendable, Equatable {
        case first(ReservationToken)
        case inProgress
        case tooMany
        case repeated(RememberedAnswer)
    }

    /// - Parameter payload: what is asked for, where that is known already.
    package func begin(_ key: IdempotencyKey, for payload: String? = nil) async throws(RepositoryError) -> Beginning {
        let token: ReservationToken = ids.make()
        switch try await repository.reserve(key, payload: payload, token: token, hold: Self.hold) {
        case .reserved: return .first(token)
        case .inProgress: return .inProgress
        case .tooMany: return .tooMany
        case .answered(let known): return .repeated(known)
        }
    }

    /// Keeps the reservation while `body` runs.
    package func keep<Value: Sendable>(_ token: ReservationToken, while body: @Sendable () async -> Value) async
        -> Value
    {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    do { try await clock.wait(Self.renewal) } catch { return }
                    // Without an answer the hold may end: then the effect's transaction tells.
                    try? await repository.renew(token, hold: Self.hold)
                }
            }
            let value = await body()
            group.cancelAll()
            return value
        }
    }

    /// An answer without an effect; should this fail, a repetition is decided anew.
    package func remember(_ answer: AnswerOnce) async { try? await repository.remember(answer) }

    /// Should this fail, the hold ends by itself.
    package func release(_ token: ReservationToken) async { try? await repository.release(token) }
}
