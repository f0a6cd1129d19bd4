/// What the world could observe, in order: one line an effect.
package struct Trace: Sendable {
    package struct Entry: Sendable, Equatable {
        /// Virtual nanoseconds since the start.
        package let time: Int64
        /// The process that caused it; empty for the world itself.
        package let node: String
        package let text: String
    }

    /// Whether texts are kept; the hash is the same either way.
    package let keepsText: Bool
    package private(set) var entries: [Entry] = []
    /// Over every effect's time, process, name and numbers.
    package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    package init(keepsText: Bool) {
        self.keepsText = keepsText
    }

    mutating func append(
        _ name: StaticString, _ subject: UInt64, _ number: Int, at time: Int64, by node: SimulatedNode?,
        _ detail: () -> String
    ) {
        mix(UInt64(bitPattern: time))
        mix(UInt64(truncatingIfNeeded: node?.number ?? 0))
        name.withUTF8Buffer { for byte in $0 { mix(UInt64(byte)) } }
        mix(subject)
        mix(UInt64(truncatingIfNeeded: number))
        guard keepsText else { return }
        let detail = detail()
        let text = detail.isEmpty ? "\(name)" : "\(name) \(detail)"
        entries.append(Entry(time: time, node: node?.name ?? "", text: text))
    }

    /// FNV-1a by words, with the high half folded in, which a product of words alone would lose.
    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x100_0000_01B3
        hash ^= hash >> 32
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
