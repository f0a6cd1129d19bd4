import Synchronization

/// A fixed number of permits that circulate as the elements of an AsyncStream.
///
/// Receiving an element takes a permit, `release()` returns it. The stream holds at most `count` elements and at most
/// `count` permits exist, so it cannot overflow; waiting for one has AsyncStream's own cancellation.
package final class Permits: Sendable {
    package let count: Int
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let takenCount = Atomic<Int>(0)

    package init(_ count: Int) {
        precondition(count > 0, "at least one permit")
        self.count = count
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(count))
        for _ in 0..<count { continuation.yield() }
    }

    /// Permits as they become free; one reader. The reader calls `noteTaken()` for each.
    package var available: AsyncStream<Void> { stream }

    package func noteTaken() { takenCount.add(1, ordering: .relaxed) }

    package func release() {
        let before = takenCount.subtract(1, ordering: .relaxed).oldValue
        precondition(before > 0, "a permit was returned twice")
        continuation.yield()
    }

    /// Permits in use.
    package var taken: Int { takenCount.load(ordering: .relaxed) }

    /// Ends the reader's loop.
    package func finish() { continuation.finish() }
}
