/// Why a transaction gave no answer.
///
/// Every method of a repository is one transaction that may be repeated: its guards (ids, tokens, dispatches, tickets)
/// make a second run of a committed one harmless. So callers need no finer distinction than these two.
package enum RepositoryError: Error, Sendable, Equatable {
    /// Not reached, overloaded, or the answer was lost: it may or may not have been committed. Repeating is safe.
    case unavailable(String)
    /// The database refused for a reason that repeating does not cure: a defect, reported as it stands.
    case refused(String)
}

/// The port to "something changed, look again" between nodes; hints only, any may be lost.
package protocol ChangeFeed: Sendable {
    /// One signal at once, one after every reconnection, and one for each burst of announcements.
    func changes(on channel: ChangeChannel) -> AsyncStream<Void>
    func announce(_ channel: ChangeChannel) async throws(RepositoryError)
}

package enum ChangeChannel: String, Sendable, CaseIterable {
    /// The outbox has a new entry.
    case outbox = "anb_outbox"
    /// A batch of votes was committed.
    case votes = "anb_votes"
    /// A video was deleted or taken from its worker.
    case videos = "anb_videos"
    /// An account was erased.
    case accounts = "anb_accounts"
}
