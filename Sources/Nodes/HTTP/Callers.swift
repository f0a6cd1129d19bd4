import Actors
import Hummingbird

/// Who makes a request: the account that its token names, if it exists and is active.
///
/// Owns the accounts seen lately. Bounds: `maximumAccounts`, none trusted longer than `memory` without asking the
/// database again; what is not known then needs it.
package actor Callers {
    package static let maximumAccounts = 100_000
    package static let memory: Duration = .seconds(2)

    private nonisolated let tokens: TokenAuthority
    private let users: any UserRepository
    private let clock: any NodeClock
    private var seen: [UserID: (at: MonotonicInstant, epoch: Int)] = [:]
    private var forgotten = 0

    package init(tokens: TokenAuthority, users: any UserRepository, clock: any NodeClock) {
        self.tokens = tokens
        self.users = users
        self.clock = clock
    }

    /// - Throws: 401 without a valid token of a living account, without saying which.
    package nonisolated func caller(of request: Request) async throws -> UserID {
        let bearer = try await tokens.bearer(of: request)
        guard try await epoch(of: bearer.user) == bearer.epoch else { throw APIError.unauthorized }
        return bearer.user
    }

    /// Asks the database anew about everybody, and for each page of the list, whenever an account was erased, or its
    /// tokens revoked, on any node, until cancelled.
    package func watch(_ feed: any ChangeFeed, _ catalog: PublicCatalog) async {
        for await _ in feed.changes(on: .accounts) {
            forgetAll()
            await catalog.forget()
        }
    }

    /// Counts as a change for questions that are under way: what they learn is not kept.
    package func forgetAll() {
        seen.removeAll(keepingCapacity: true)
        forgotten += 1
    }

    /// Nil for an account that is gone or not active.
    private func epoch(of id: UserID) async throws -> Int? {
        let now = clock.now
        if let last = seen[id], last.at.duration(to: now) < Self.memory { return last.epoch }
        let before = forgotten
        guard let user = try await users.user(id), user.isActive else {
            seen[id] = nil
            return nil
        }
        if seen.count >= Self.maximumAccounts { seen.removeAll(keepingCapacity: true) }
        if before == forgotten { seen[id] = (now, user.tokenEpoch) }
        return user.tokenEpoch
    }
}
