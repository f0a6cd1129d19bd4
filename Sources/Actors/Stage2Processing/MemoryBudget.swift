/// Bytes that a node's transcodes may use together: each reserves what its clip needs before its tools start.
///
/// Owns the sum and the line of those that wait. Talked to by transcoders, from the attempts' tasks. Served in the order
/// of arrival, so that a large clip is not passed over for ever by small ones. Bound: one reservation a slot. A
/// cancelled wait leaves nothing behind.
package actor MemoryBudget {
    package nonisolated let capacity: Int64
    private var reserved: Int64 = 0
    private var line: [Waiting] = []
    private var nextNumber = 0

    private struct Waiting {
        let number: Int
        let bytes: Int64
        let turn: Signal
    }

    /// - Parameter capacity: bytes, at least one.
    package init(capacity: Int64) {
        precondition(capacity > 0, "a budget of at least one byte")
        self.capacity = capacity
    }

    /// Runs `body` while `bytes` are reserved; what needs more than there is runs alone.
    /// - Throws: `.cancelled` when cancelled in the line, else what `body` throws.
    package nonisolated func reserving<Value: Sendable>(
        _ bytes: Int64, _ body: () async throws(TranscodeError) -> Value
    ) async throws(TranscodeError) -> Value {
        let amount = min(max(0, bytes), capacity)
        guard await reserve(amount) else { throw .cancelled }
        do throws(TranscodeError) {
            let value = try await body()
            await release(amount)
            return value
        } catch {
            await release(amount)
            throw error
        }
    }

    /// Bytes in use, and how many wait for some.
    package var state: (reserved: Int64, waiting: Int) { (reserved, line.count) }

    /// False when cancelled before its turn.
    private func reserve(_ bytes: Int64) async -> Bool {
        if line.isEmpty, reserved + bytes <= capacity {
            reserved += bytes
            return true
        }
        let number = nextNumber
        nextNumber += 1
        let turn = Signal()
        line.append(Waiting(number: number, bytes: bytes, turn: turn))
        for await _ in turn.elements { return true }
        // Cancelled. Its turn may have come at the same moment: then what was reserved for it goes back.
        if let place = line.firstIndex(where: { $0.number == number }) {
            line.remove(at: place)
            serve()
        } else {
            release(bytes)
        }
        return false
    }

    private func release(_ bytes: Int64) {
        reserved -= bytes
        serve()
    }

    private func serve() {
        while let first = line.first, reserved + first.bytes <= capacity {
            line.removeFirst()
            reserved += first.bytes
            first.turn.raise()
        }
    }
}
