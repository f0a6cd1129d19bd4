/// Something that happens at a virtual instant.
struct Event {
    /// Nanoseconds of virtual time.
    let time: Int64
    /// Decides among events of one instant; chosen by the seed.
    let tieBreak: Int
    /// Decides among equal tie-breaks, so that the order is total.
    let sequence: Int
    /// A timer of this process dies with it; nil for what happens outside any process.
    let node: SimulatedNode?
    /// A cancelled timer must not drag time forward.
    let isLive: () -> Bool
    let fire: () -> Void

    func precedes(_ other: Event) -> Bool {
        (time, tieBreak, sequence) < (other.time, other.tieBreak, other.sequence)
    }
}

/// A binary heap with the earliest event first.
struct EventHeap {
    private var events: [Event] = []

    var isEmpty: Bool { events.isEmpty }
    var first: Event? { events.first }

    mutating func removeAll() { events.removeAll() }

    mutating func push(_ event: Event) {
        events.append(event)
        var child = events.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard events[child].precedes(events[parent]) else { return }
            events.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Event? {
        guard let first = events.first else { return nil }
        let last = events.removeLast()
        guard !events.isEmpty else { return first }
        events[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < events.count {
                if events[child].precedes(events[least]) { least = child }
            }
            guard least != parent else { return first }
            events.swapAt(parent, least)
            parent = least
        }
    }
}
