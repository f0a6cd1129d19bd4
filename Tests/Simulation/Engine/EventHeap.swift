/// Something that happens at a virtual instant.
struct Event {
    /// Nanoseconds of virtual time.
    let time: Int64
    /// A timer of this process dies with it; nil for what happens outside any process.
    let node: SimulatedNode?
    /// A cancelled timer must not drag time forward; nil for what cannot be cancelled.
    let isLive: (() -> Bool)?
    let fire: () -> Void
}

/// A binary heap with the earliest event first.
///
/// Plain numbers lie in the heap and each event stays in its slot, so that sifting counts no references.
struct EventHeap {
    private struct Key {
        let time: Int64
        /// The tie-break that the seed chose, above the sequence number: the order is total.
        let order: UInt64
        let slot: Int

        func precedes(_ other: Key) -> Bool {
            time != other.time ? time < other.time : order < other.order
        }
    }

    private var keys: [Key] = []
    private var slots: [Event?] = []
    private var free: [Int] = []
    private var sequence: UInt64 = 0

    var firstTime: Int64? { keys.first?.time }

    mutating func removeAll() {
        keys.removeAll()
        slots.removeAll()
        free.removeAll()
    }

    /// - Parameter tieBreak: decides among events of one instant, 0 to 255.
    mutating func push(_ event: Event, tieBreak: Int) {
        let slot: Int
        if let last = free.popLast() {
            slot = last
            slots[slot] = event
        } else {
            slot = slots.count
            slots.append(event)
        }
        sequence += 1
        let key = Key(time: event.time, order: UInt64(tieBreak) << 56 | sequence, slot: slot)
        keys.append(key)
        var child = keys.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard key.precedes(keys[parent]) else { break }
            keys[child] = keys[parent]
            child = parent
        }
        keys[child] = key
    }

    mutating func pop() -> Event? {
        guard let first = keys.first, let last = keys.popLast() else { return nil }
        if !keys.isEmpty { sink(last) }
        let event = slots[first.slot]
        slots[first.slot] = nil
        free.append(first.slot)
        return event
    }

    /// Puts `key` in place of the first.
    private mutating func sink(_ key: Key) {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < keys.count else { break }
            if child + 1 < keys.count, keys[child + 1].precedes(keys[child]) { child += 1 }
            guard keys[child].precedes(key) else { break }
            keys[parent] = keys[child]
            parent = child
        }
        keys[parent] = key
    }
}
