import Testing
import Transport

@Suite("Transfer state")
struct TransferStateTests {
    private func receive(_ state: inout TransferState, _ count: Int) -> TransferState.Receipt {
        [UInt8](repeating: 1, count: count).withUnsafeBytes { state.receive(body: $0) }
    }

    private func fill(_ state: inout TransferState, _ count: Int) -> TransferState.Filling {
        var target = [UInt8](repeating: 0, count: count)
        return target.withUnsafeMutableBytes { state.fill($0) }
    }

    @Test("a full buffer pauses without taking, and its reader asks for more")
    func receivePause() {
        var state = TransferState(sink: .stream(maxBufferedBytes: 10), streamedBytes: 0)
        #expect(receive(&state, 8) == .taken)
        #expect(state.takeEffects() == .wakeReader)
        #expect(receive(&state, 3) == .pause)
        guard case .value(let chunk) = state.takeChunk() else {
            Issue.record("no chunk")
            return
        }
        #expect(chunk.count == 8)
        #expect(state.takeEffects() == .resume)
    }

    @Test("a piece larger than the whole buffer is taken when nothing else waits")
    func oversizedPiece() {
        var state = TransferState(sink: .stream(maxBufferedBytes: 10), streamedBytes: 0)
        #expect(receive(&state, 30) == .taken)
    }

    @Test("an empty slot pauses the sender, and an offer takes it up again")
    func sendPause() {
        var state = TransferState(sink: .collect(maxBytes: 0), streamedBytes: 4)
        #expect(fill(&state, 10) == .pause)
        guard case .value = state.offer([1, 2, 3]) else {
            Issue.record("refused")
            return
        }
        #expect(state.takeEffects() == .resume)
        #expect(state.mustWait(.writer))
        #expect(fill(&state, 2) == .bytes(2))
        #expect(state.takeEffects() == [])
        #expect(fill(&state, 2) == .bytes(1))
        #expect(state.takeEffects() == .wakeWriter)
    }

    @Test("a head that arrives while the sender is paused takes it up again")
    func headWhilePaused() {
        var state = TransferState(sink: .collect(maxBytes: 0), streamedBytes: 4)
        #expect(fill(&state, 10) == .pause)
        state.receive(head: HTTPClientResponseHead(status: 413, headers: [:]))
        #expect(state.takeEffects() == [.wakeHead, .resume])
    }

    @Test("the first end counts and wakes everybody")
    func firstEnd() {
        var state = TransferState(sink: .stream(maxBufferedBytes: 10), streamedBytes: 0)
        state.abandon(.cancelled)
        #expect(state.takeEffects() == [.wakeAll, .remove])
        state.end(nil)
        #expect(state.takeEffects() == [])
        guard case .ended(.cancelled?) = state.takeChunk() else {
            Issue.record("not cancelled")
            return
        }
        #expect(receive(&state, 1) == .abort)
        #expect(fill(&state, 1) == .abort)
    }

    @Test("a transfer that failed still gives what it had received")
    func failureKeepsBytes() {
        var state = TransferState(sink: .stream(maxBufferedBytes: 10), streamedBytes: 0)
        #expect(receive(&state, 4) == .taken)
        state.end(.interrupted("cut"))
        guard case .value = state.takeChunk(), case .ended(.interrupted?) = state.takeChunk() else {
            Issue.record("bytes or error lost")
            return
        }
    }
}

@Suite("Least rate")
struct LeastRateTests {
    private let start = ContinuousClock.now

    @Test("a window with too few bytes is too slow, one that is excused is not")
    func windows() throws {
        var rate = try #require(LeastRate(minimumBytesPerSecond: 100, window: .seconds(2), now: start))
        let second = start + .seconds(2)
        #expect(rate.check(now: start + .seconds(1), movedBytes: 0, isExcused: false) == .fine(nextCheck: second))
        #expect(rate.check(now: second, movedBytes: 200, isExcused: false) == .fine(nextCheck: start + .seconds(4)))
        #expect(
            rate.check(now: start + .seconds(4), movedBytes: 200, isExcused: true)
                == .fine(nextCheck: start + .seconds(6)))
        #expect(rate.check(now: start + .seconds(6), movedBytes: 399, isExcused: false) == .tooSlow)
    }

    @Test("a rate of nothing is no limit")
    func none() {
        #expect(LeastRate(minimumBytesPerSecond: 0, window: .seconds(2), now: start) == nil)
    }
}
