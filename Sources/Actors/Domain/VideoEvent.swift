import FoundationEssentials

/// One change of a video's state, kept for operators (`anb video trace`).
///
/// Every write that replaces a row's token, and every row that comes or goes, is one event.
package struct VideoEvent: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case uploaded
        case claimed
        /// Drained or interrupted: a new dispatch, no attempt is counted.
        case handedBack = "handed_back"
        /// An attempt failed: a new dispatch after a wait.
        case retried
        /// The Reconciler's: the dispatch was lost, or its workers were.
        case redispatched
        case processed
        case failed
        /// An operator's: out of the dead letters, attempts from 0.
        case redriven
        case deleted
    }

    package let at: Date
    package let kind: Kind
    /// Why, in English; nil where the kind says it all.
    package let cause: String?
    /// The row's, after the change.
    package let dispatch: Int
    /// Own failures so far.
    package let attempts: Int
    /// Whose write it was.
    package let node: NodeID?
    /// Of the client's request that caused it.
    package let requestID: String?

    package init(
        at: Date, kind: Kind, cause: String?, dispatch: Int, attempts: Int, node: NodeID?, requestID: String?
    ) {
        self.at = at
        self.kind = kind
        self.cause = cause
        self.dispatch = dispatch
        self.attempts = attempts
        self.node = node
        self.requestID = requestID
    }
}
