/// The timing of deliveries: sections `queue`, `worker` and `drain` of `cluster.json`.
package struct WorkerSettings: Sendable, Equatable {
    /// Jobs at once.
    package var slots: Int
    /// What each receive and each heartbeat passes as visibility.
    package var lease: Duration
    /// The long poll.
    package var pollWait: Duration
    /// Ends a hung attempt.
    package var attemptDeadline: Duration
    /// Own failures until a video is `failed`.
    package var maximumAttempts: Int
    /// Waits before the second and third attempt; jitter of up to a fifth is added.
    package var retryDelays: [Duration]
    /// How long jobs under way may run on after drain began; then they are handed back.
    package var drainGrace: Duration

    package init(
        slots: Int = 1, lease: Duration = .seconds(120), pollWait: Duration = .seconds(20),
        attemptDeadline: Duration = .seconds(900), maximumAttempts: Int = 3,
        retryDelays: [Duration] = [.seconds(30), .seconds(120)], drainGrace: Duration = .seconds(30)
    ) {
        self.slots = slots
        self.lease = lease
        self.pollWait = pollWait
        self.attemptDeadline = attemptDeadline
        self.maximumAttempts = maximumAttempts
        self.retryDelays = retryDelays
        self.drainGrace = drainGrace
    }
}
