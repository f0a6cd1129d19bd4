import Actors
import Synchronization

extension PostgresJobQueue {
    package func receive(maximum: Int, visibility: Duration, wait: Duration) async throws(JobQueueError)
        -> [ReceivedMessage]
    {
        guard (1...Self.maximumMessages).contains(maximum), (.zero...Self.maximumWait).contains(wait),
            (.zero...Self.maximumVisibility).contains(visibility)
        else { throw .rejected("1 to 10 messages, a wait of at most 20 s, a visibility of at most 43,200 s") }
        do throws(JobQueueError) {
            if wait == .zero { return try await take(maximum: maximum, visibility: visibility) }
            return try await poll(maximum: maximum, visibility: visibility, wait: wait).get()
        } catch {
            if Task.isCancelled { return [] }
            throw error
        }
    }

    /// Looks at once, and at each signal until a message came or `wait` is over. Signals come from the subscription (at
    /// its start as well: a send since the last look is not missed) and from an alarm for the next message to become
    /// visible.
    private func poll(maximum: Int, visibility: Duration, wait: Duration) async -> Result<
        [ReceivedMessage], JobQueueError
    > {
        listening.keepUp(client: client, channel: configuration.name)
        let signal = Signal()
        signal.raise()
        return await withTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            let notifications = client.notifications(channel: configuration.name)
            group.addTask {
                for await _ in notifications { signal.raise() }
            }
            group.addTask {
                // Cancelled: the loop below has ended.
                try? await clock.wait(wait)
                signal.finish()
            }
            var alarm: MonotonicInstant?
            do throws(JobQueueError) {
                for await _ in signal.elements {
                    let messages = try await take(maximum: maximum, visibility: visibility)
                    if !messages.isEmpty { return .success(messages) }
                    guard let next = try await nextVisible() else { continue }
                    let due = clock.now.advanced(by: max(next, Self.shortestAlarm))
                    // One alarm at a time, unless an earlier one is needed: sends alone do not pile up tasks.
                    if let alarm, alarm <= due, alarm > clock.now { continue }
                    alarm = due
                    group.addTask {
                        try? await clock.sleep(until: due, tolerance: nil)
                        signal.raise()
                    }
                }
                return .success([])
            } catch {
                return .failure(error)
            }
        }
    }

    /// A message that can be seen but was not received is being received by someone else: no busy loop for that.
    private static let shortestAlarm: Duration = .milliseconds(20)
}

/// Keeps a queue's channel listened to between two polls, so that a poll costs no LISTEN and no connection.
final class PostgresJobQueueListening: Sendable {
    private let subscription = Mutex<AsyncStream<Void>?>(nil)

    /// The stream is never read: it holds one element and ends with the queue.
    func keepUp(client: PostgresClient, channel: String) {
        subscription.withLock { subscription in
            if subscription == nil { subscription = client.notifications(channel: channel) }
        }
    }
}
