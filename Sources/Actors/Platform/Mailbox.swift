import Synchronization

/// The one bounded AsyncStream that joins two actors: many senders, one reader.
///
/// AsyncStream has no back-pressure on its producer, so every mailbox has a capacity and one of two rules: either its
/// senders hold permits and an overflow cannot happen, or the newest element is dropped and counted.
package final class Mailbox<Element: Sendable>: Sendable {
    package let name: String
    package let capacity: Int
    private let stream: AsyncStream<Element>
    private let continuation: AsyncStream<Element>.Continuation
    private let droppedCount = Atomic<Int>(0)
    private let sentCount = Atomic<Int>(0)
    private let hasEnded = Atomic<Bool>(false)

    package init(_ name: String, capacity: Int) {
        precondition(capacity > 0, "a mailbox holds at least one element")
        self.name = name
        self.capacity = capacity
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(capacity))
    }

    /// - Returns: false when the element was not taken: the mailbox is full (counted in `dropped`) or finished.
    @discardableResult
    package func send(_ element: Element) -> Bool {
        switch continuation.yield(element) {
        case .enqueued:
            sentCount.add(1, ordering: .relaxed)
            return true
        case .dropped:
            droppedCount.add(1, ordering: .relaxed)
            return false
        case .terminated: return false
        @unknown default: return false
        }
    }

    /// The reader's loop ends once it has taken what was sent before.
    package func finish() {
        hasEnded.store(true, ordering: .relaxed)
        continuation.finish()
    }

    package var isFinished: Bool { hasEnded.load(ordering: .relaxed) }

    /// Elements taken so far.
    package var sent: Int { sentCount.load(ordering: .relaxed) }

    /// Elements refused because the mailbox was full.
    package var dropped: Int { droppedCount.load(ordering: .relaxed) }

    /// To be iterated by one task only, as every AsyncStream.
    package var elements: AsyncStream<Element> { stream }
}

/// A mailbox that only says "look again": any number of signals that were not yet seen fold into one.
package final class Signal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    package init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package func raise() { continuation.yield() }
    package func finish() { continuation.finish() }
    package var elements: AsyncStream<Void> { stream }
}
