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
    private var seen: [UserID: MonotonicInstant] = [:]
    private var forgotten = 0

    package init(tokens: TokenAuthority, users: any UserRepository, clock: any NodeClock) {
        self.tokens = tokens
        self.users = users
        self.clock = clock
    }

    /// - Throws: 401 without a valid token of a living account, without saying which.
    package nonisolated func caller(of request: Request) async throws -> UserID {
        let id = try await tokens.user(of: request)
        guard try await isActive(id) else { throw APIError.unauthorized }
        return id
    }

    /// Asks the database anew about everybody whenever an account was erased on any node, until cancelled.
    package func watch(_ feed: any ChangeFeed) async {
        for await _ in feed.changes(on: .accounts) { forgetAll() }
    }

    /// Counts as a change for questions that are under way: what they learn is not kept.
    package func forgetAll() {
        seen.removeAll(keepingCapacity: true)
        forgotten += 1
    }

    private func isActive(_ id: UserID) async throws -> Bool {
        let now = clock.now
        if let last = seen[id], last.duration(to: now) < Self.memory { return true }
        let before = forgotten
        guard let user = try await users.user(id), user.isActive else {
            seen[id] = nil
            return false
        }
        if seen.count >= Self.maximumAccounts { seen.removeAll(keepingCapacity: true) }
        if before == forgotten { seen[id] = now }
        return true
    }
}
