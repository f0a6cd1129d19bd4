import Synchronization

/// One request in flight, shared by the task that wants it and the loop's thread. Owns the state and those who wait
/// for it; the loop holds it until the transfer has left libcurl. Continuations are resumed outside of the lock.
final class Transfer: Sendable {
    struct Limits {
        /// When the whole transfer must have ended.
        var total: ContinuousClock.Instant?
        /// When the response's head must have arrived.
        var head: ContinuousClock.Instant?
    }

    private struct Guarded {
        var state: TransferState
        var waiters = [CheckedContinuation<Void, Never>?](repeating: nil, count: TransferState.Role.allCases.count)

        mutating func takeWaiters(_ effects: TransferState.Effects) -> [CheckedContinuation<Void, Never>] {
            var woken: [CheckedContinuation<Void, Never>] = []
            let roles: [(TransferState.Effects, TransferState.Role)] = [
                (.wakeHead, .head), (.wakeReader, .reader), (.wakeWriter, .writer),
            ]
            for (effect, role) in roles where effects.contains(effect) {
                if let waiter = waiters[role.rawValue].take() { woken.append(waiter) }
            }
            return woken
        }
    }

    let id: UInt
    let request: HTTPClientRequest
    /// Length of a body that `pump` offers; nil if the request's own body is sent.
    let streamedBytes: Int64?
    /// Whether a consumer takes the answer as it comes; else it is small, kept whole, and bounded by its deadline.
    let isStreamed: Bool
    let limits: Limits
    private let loop: CurlLoop
    private let guarded: Mutex<Guarded>

    init(
        id: UInt, request: HTTPClientRequest, streamedBytes: Int64?, sink: TransferState.Sink, limits: Limits,
        loop: CurlLoop
    ) {
        self.id = id
        self.request = request
        self.streamedBytes = streamedBytes
        isStreamed = !sink.isCollecting
        self.limits = limits
        self.loop = loop
        guarded = Mutex(Guarded(state: TransferState(sink: sink, streamedBytes: streamedBytes ?? 0)))
    }

    /// Feeds one event to the state and carries out its effects.
    func apply<Result: Sendable>(_ event: (inout TransferState) -> Result) -> Result {
        var effects: TransferState.Effects = []
        var woken: [CheckedContinuation<Void, Never>] = []
        let result = guarded.withLock { guarded in
            let result = event(&guarded.state)
            effects = guarded.state.takeEffects()
            if !effects.isDisjoint(with: .wakeAll) { woken = guarded.takeWaiters(effects) }
            return result
        }
        for waiter in woken { waiter.resume() }
        if effects.contains(.remove) {
            loop.post(.remove(self))
        } else if effects.contains(.resume) {
            loop.post(.resume(self))
        }
        return result
    }

    var isEnded: Bool { guarded.withLock { $0.state.isEnded } }

    /// Which directions must stay paused.
    var paused: (receive: Bool, send: Bool) {
        guarded.withLock { ($0.state.isReceivePaused, $0.state.isSendPaused) }
    }

    func abandon(_ error: HTTPClientError) {
        apply { $0.abandon(error) }
    }

    // MARK: For the request's tasks

    func head() async throws(HTTPClientError) -> HTTPClientResponseHead {
        guard let head = try await take(.head, { $0.takeHead() }) else { throw .interrupted("there is no response") }
        return head
    }

    func response() async throws(HTTPClientError) -> HTTPClientResponse {
        guard let response = try await take(.reader, { $0.takeResponse() }) else {
            throw .interrupted("there is no response")
        }
        return response
    }

    func nextChunk() async throws(HTTPClientError) -> [UInt8]? {
        try await take(.reader) { $0.takeChunk() }
    }

    /// Sends the chunks of `body` until it ends or the peer has answered. The error is the producer's own.
    func pump<Body: AsyncSequence>(
        _ body: Body, progress: (@Sendable (Int64) -> Void)?
    ) async -> (any Error)? where Body.Element == [UInt8] {
        var sentBytes: Int64 = 0
        do {
            for try await chunk in body {
                guard try await take(.writer, { $0.offer(chunk) }) != nil else { return nil }
                sentBytes += Int64(chunk.count)
                progress?(sentBytes)
            }
            apply { $0.finishBody() }
            return nil
        } catch {
            abandon(.interrupted("the producer of the body failed"))
            return error
        }
    }

    /// Asks the state until it has a value; nil when the transfer ended well. Cancellation abandons the transfer.
    private func take<Value: Sendable>(
        _ role: TransferState.Role, _ event: (inout TransferState) -> TransferState.Take<Value>
    ) async throws(HTTPClientError) -> Value? {
        while true {
            switch apply(event) {
            case .value(let value): return value
            case .ended(let error?): throw error
            case .ended(nil): return nil
            case .wait:
                await withTaskCancellationHandler {
                    await park(role)
                } onCancel: {
                    abandon(.cancelled)
                }
            }
        }
    }

    /// Waits for the next effect of that role. What happened between the question and here has left its mark in the
    /// state, so the state is asked again before anybody sleeps.
    private func park(_ role: TransferState.Role) async {
        await withCheckedContinuation { continuation in
            let mustWait = guarded.withLock { guarded in
                guard guarded.state.mustWait(role) else { return false }
                assert(guarded.waiters[role.rawValue] == nil, "one waiter a role")
                guarded.waiters[role.rawValue] = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }
}
