/// What a message says: look at this dispatch of this video.
package struct JobMessage: Sendable, Hashable {
    /// Raised when a field changes its meaning; unknown formats go to the dead letters unread.
    package static let format = 1

    package let dispatch: Dispatch

    package init(_ dispatch: Dispatch) {
        self.dispatch = dispatch
    }
}

/// Names one receive of one message; a later receive of it makes another.
package struct Receipt: Sendable, Hashable {
    package let handle: String

    package init(handle: String) {
        self.handle = handle
    }
}

package struct ReceivedMessage: Sendable, Equatable {
    package let receipt: Receipt
    /// Nil when the body is of an unknown format: it must be left alone, so that it becomes a dead letter.
    package let job: JobMessage?
    /// This receive included.
    package let receiveCount: Int

    package init(receipt: Receipt, job: JobMessage?, receiveCount: Int) {
        self.receipt = receipt
        self.job = job
        self.receiveCount = receiveCount
    }
}

package enum JobQueueError: Error, Sendable, Equatable {
    /// Not reached, or the answer was lost: the effect may or may not have happened.
    case unavailable(String)
    /// The receipt is not the message's last one, or the message is gone.
    case staleReceipt
    /// Repeating will not help: permission, configuration.
    case rejected(String)
}

/// The port to one queue with the semantics of SQS: at least once, unordered, a visibility timeout for each receive.
package protocol JobQueue: Sendable {
    /// At most 10. Each becomes visible after its delay (0 to 900 s).
    func send(_ messages: [OutgoingMessage]) async throws(JobQueueError)
    /// Waits up to `wait` (0 to 20 s) for a message; an empty array when none came. Each message received stays
    /// invisible for `visibility`. Cancellation ends the wait with an empty array; a message taken meanwhile at the
    /// server shows again after `visibility`.
    func receive(maximum: Int, visibility: Duration, wait: Duration) async throws(JobQueueError) -> [ReceivedMessage]
    /// The message stays invisible for `visibility` from now.
    func extend(_ receipt: Receipt, visibility: Duration) async throws(JobQueueError)
    func delete(_ receipt: Receipt) async throws(JobQueueError)
    func depth() async throws(JobQueueError) -> QueueDepth
}

/// How full a queue is, as SQS's attributes of the same meaning tell it (approximately).
package struct QueueDepth: Sendable, Equatable {
    /// Can be received.
    package let visible: Int
    /// Received, not yet deleted.
    package let inFlight: Int
    /// Sent, not yet to be seen.
    package let delayed: Int

    package init(visible: Int, inFlight: Int, delayed: Int) {
        self.visible = visible
        self.inFlight = inFlight
        self.delayed = delayed
    }
}

package struct OutgoingMessage: Sendable, Equatable {
    /// SQS's limit.
    package static let maximumDelay: Duration = .seconds(900)

    package let job: JobMessage
    package let delay: Duration
    /// Of the upload's request, for those who look at the queue; the worker reads it from the row.
    package let requestID: String?

    package init(job: JobMessage, delay: Duration = .zero, requestID: String? = nil) {
        self.job = job
        self.delay = delay
        self.requestID = requestID
    }
}
