/// What closes the admission of uploads, so that no accepted video expires unseen in the queue.
package struct AdmissionLimits: Sendable, Equatable {
    /// A dispatch that waits for the queue for longer says that the queue is away.
    package var outboxAge: Duration
    /// A video unfinished for longer says that workers are too few; below SQS's retention.
    package var unfinishedAge: Duration

    package init(outboxAge: Duration = .seconds(600), unfinishedAge: Duration = .seconds(172_800)) {
        self.outboxAge = outboxAge
        self.unfinishedAge = unfinishedAge
    }
}

/// Whether a further upload can be carried, and how long its video will wait: decided by the last look at the backlog.
struct Admission {
    /// Of a transcode, as long as none has ended.
    static let usualTranscode: Duration = .seconds(5)
    /// Longest `Retry-After`.
    static let longestRetry: Duration = .seconds(3600)

    let limits: AdmissionLimits
    private var backlog: Backlog?
    /// Since the last look.
    private var accepted = 0

    init(limits: AdmissionLimits) {
        self.limits = limits
    }

    mutating func looked(_ backlog: Backlog) {
        self.backlog = backlog
        accepted = 0
    }

    mutating func acceptedOne() { accepted += 1 }

    /// When to ask again; nil while uploads are admitted. Without a look they are: the database decides then.
    var retryAfter: Duration? {
        guard let backlog else { return nil }
        let isClosed =
            backlog.oldestOutbox.map { $0 > limits.outboxAge } ?? false
            || backlog.oldestUnfinished.map { $0 > limits.unfinishedAge } ?? false
        return isClosed ? min(max(expectedWait, .seconds(30)), Self.longestRetry) : nil
    }

    /// Until a video that is accepted next is processed, in whole seconds.
    var expectedWait: Duration {
        let waiting = (backlog?.waiting ?? 0) + accepted
        let transcode = backlog?.transcode ?? Self.usualTranscode
        let rounds = Double(waiting) / Double(max(backlog?.inWork ?? 0, 1)) + 1
        return .seconds(Int64((transcode.inSeconds * rounds).rounded(.up)))
    }
}
