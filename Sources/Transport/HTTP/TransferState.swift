/// What one request's task and the loop's thread know of each other. Sans I/O: each event changes the state and adds
/// to `effects`, which the owner takes in the same critical section and carries out after leaving it.
package struct TransferState: Sendable {
    package enum Sink: Sendable, Equatable {
        /// The whole body is kept, if it is no larger.
        case collect(maxBytes: Int)
        /// The body waits for a consumer, at most this much of it.
        case stream(maxBufferedBytes: Int)

        var isCollecting: Bool {
            if case .collect = self { true } else { false }
        }
    }

    /// Those who may wait, one of each.
    package enum Role: Int, Sendable, CaseIterable {
        case head, reader, writer
    }

    package struct Effects: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) {
            self.rawValue = rawValue
        }

        package static let wakeHead = Effects(rawValue: 1)
        package static let wakeReader = Effects(rawValue: 2)
        package static let wakeWriter = Effects(rawValue: 4)
        /// The loop must take up a paused direction again.
        package static let resume = Effects(rawValue: 8)
        /// The loop must forget the transfer.
        package static let remove = Effects(rawValue: 16)
        package static let wakeAll: Effects = [.wakeHead, .wakeReader, .wakeWriter]
    }

    package enum Take<Value: Sendable>: Sendable {
        case value(Value)
        case wait
        /// nil: ended well.
        case ended(HTTPClientError?)
    }

    package enum Receipt: Sendable, Equatable { case taken, pause, abort }
    package enum Filling: Sendable, Equatable {
        case bytes(Int)
        case pause
        case abort
    }

    private enum Outcome {
        case complete
        case failed(HTTPClientError)
    }

    private let sink: Sink
    private let maxChunkBytes: Int
    private(set) var head: HTTPClientResponseHead?
    private var received: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var outgoingOffset = 0
    /// Bytes of the streamed request body that the producer still owes.
    private var owedBytes: Int64
    private var outcome: Outcome?
    private(set) var isReceivePaused = false
    private(set) var isSendPaused = false
    private var effects: Effects = []

    /// - Parameter streamedBytes: length of a request body that a producer offers, 0 for any other body.
    package init(sink: Sink, streamedBytes: Int64) {
        self.sink = sink
        owedBytes = streamedBytes
        maxChunkBytes =
            switch sink {
            case .collect(let bytes): bytes
            case .stream(let bytes): bytes
            }
    }

    package var isEnded: Bool { outcome != nil }

    package mutating func takeEffects() -> Effects {
        defer { effects = [] }
        return effects
    }

    // MARK: From the loop's thread

    package mutating func receive(head: HTTPClientResponseHead) {
        self.head = head
        effects.insert(.wakeHead)
        // After an error libcurl sends no more of the body, but a paused direction keeps the transfer from ending.
        if isSendPaused {
            isSendPaused = false
            effects.insert(.resume)
        }
    }

    /// `pause` means that none of the bytes was taken: the same ones come again.
    package mutating func receive(body: UnsafeRawBufferPointer) -> Receipt {
        if outcome != nil { return .abort }
        if received.count + body.count > maxChunkBytes {
            switch sink {
            case .collect(let maxBytes):
                end(.bodyTooLarge(limitBytes: maxBytes))
                return .abort
            case .stream where !received.isEmpty:
                isReceivePaused = true
                return .pause
            case .stream: break
            }
        }
        if received.isEmpty, case .stream = sink { received.reserveCapacity(max(maxChunkBytes, body.count)) }
        received.append(contentsOf: body)
        if case .stream = sink { effects.insert(.wakeReader) }
        return .taken
    }

    /// Copies what the producer has offered.
    package mutating func fill(_ target: UnsafeMutableRawBufferPointer) -> Filling {
        if outcome != nil { return .abort }
        let available = outgoing.count - outgoingOffset
        if available == 0 {
            if owedBytes == 0 { return .bytes(0) }
            isSendPaused = true
            return .pause
        }
        let count = min(available, target.count)
        outgoing.withUnsafeBytes { source in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[outgoingOffset..<outgoingOffset + count]))
        }
        outgoingOffset += count
        if outgoingOffset == outgoing.count {
            outgoing = []
            outgoingOffset = 0
            effects.insert(.wakeWriter)
        }
        return .bytes(count)
    }

    /// The first end counts. Ending well keeps what the consumer has not read, failing too; only its own cancellation
    /// drops it.
    package mutating func end(_ error: HTTPClientError?) {
        guard outcome == nil else { return }
        outcome = error.map(Outcome.failed) ?? .complete
        outgoing = []
        outgoingOffset = 0
        effects.formUnion(.wakeAll)
    }

    // MARK: From the request's tasks

    /// The task gives the transfer up.
    package mutating func abandon(_ error: HTTPClientError) {
        guard outcome == nil else { return }
        end(error)
        received = []
        effects.insert(.remove)
    }

    /// Whether asking again would still be answered by `wait`.
    package func mustWait(_ role: Role) -> Bool {
        guard outcome == nil else { return false }
        return switch role {
        case .head: head == nil
        case .reader: received.isEmpty || sink.isCollecting
        case .writer: !outgoing.isEmpty
        }
    }

    package mutating func takeHead() -> Take<HTTPClientResponseHead> {
        if case .failed(let error) = outcome, head == nil || error == .cancelled { return .ended(error) }
        return head.map { .value($0) } ?? .wait
    }

    package mutating func takeResponse() -> Take<HTTPClientResponse> {
        switch outcome {
        case nil: return .wait
        case .failed(let error): return .ended(error)
        case .complete:
            guard let head else { return .ended(.interrupted("there is no response")) }
            defer { received = [] }
            return .value(HTTPClientResponse(head: head, body: received))
        }
    }

    /// All that has come since the last call.
    package mutating func takeChunk() -> Take<[UInt8]> {
        if !received.isEmpty {
            var chunk: [UInt8] = []
            swap(&chunk, &received)
            if isReceivePaused {
                isReceivePaused = false
                effects.insert(.resume)
            }
            return .value(chunk)
        }
        switch outcome {
        case nil: return .wait
        case .complete: return .ended(nil)
        case .failed(let error): return .ended(error)
        }
    }

    /// One chunk at a time is accepted. `ended`: no more is wanted, the response says why.
    package mutating func offer(_ chunk: [UInt8]) -> Take<Void> {
        if outcome != nil { return .ended(nil) }
        if chunk.isEmpty { return .value(()) }
        guard outgoing.isEmpty else { return .wait }
        guard Int64(chunk.count) <= owedBytes else {
            abandon(.invalidRequest("the body is longer than declared"))
            return .ended(nil)
        }
        owedBytes -= Int64(chunk.count)
        outgoing = chunk
        if isSendPaused {
            isSendPaused = false
            effects.insert(.resume)
        }
        return .value(())
    }

    /// The producer has nothing more.
    package mutating func finishBody() {
        if owedBytes > 0 { abandon(.invalidRequest("the body is shorter than declared")) }
    }
}
