/// What the world could observe, in order: one line an effect.
package struct Trace: Sendable {
    package struct Entry: Sendable, Equatable {
        /// Virtual nanoseconds since the start.
        package let time: Int64
        /// The process that caused it; empty for the world itself.
        package let node: String
        package let text: String
    }

    package private(set) var entries: [Entry] = []
    /// FNV-1a, 64 bits, over every entry.
    package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    mutating func append(_ entry: Entry) {
        entries.append(entry)
        mix(UInt64(bitPattern: entry.time))
        for byte in entry.node.utf8 { mix(byte) }
        for byte in entry.text.utf8 { mix(byte) }
    }

    private mutating func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    private mutating func mix(_ word: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }

    /// For people: milliseconds, process, effect.
    package var timeline: String {
        var text = ""
        for entry in entries {
            let time = "\(entry.time / 1_000_000)ms"
            let node = entry.node.isEmpty ? "-" : entry.node
            text += String(repeating: " ", count: max(0, 11 - time.count)) + time + "  " + node
            text += String(repeating: " ", count: max(0, 10 - node.count)) + "  " + entry.text + "\n"
        }
        return text
    }
}
