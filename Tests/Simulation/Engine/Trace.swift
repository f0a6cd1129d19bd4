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

    /// The lines that mention `subject`, and what happened to processes; the middle is left out when there are more
    /// than `lines`.
    package func story(of subject: String, lines: Int) -> String {
        let always = ["FAULT", "killed", "paused", "resumed", "drain", "plan:", "INVARIANT"]
        func concerns(_ text: String) -> Bool {
            if subject.isEmpty || always.contains(where: { text.hasPrefix($0) }) { return true }
            guard let range = text.firstRange(of: subject) else { return false }
            return text[range.upperBound...].first.map { !$0.isNumber } ?? true
        }
        var kept = Trace(keepsText: true)
        kept.entries = entries.filter { concerns($0.text) }
        guard kept.entries.count > lines else { return kept.timeline }
        let (first, last) = (lines / 4, lines - lines / 4 - 1)
        let left = kept.entries.count - first - last
        let middle = Entry(time: kept.entries[first].time, node: "", text: "… \(left) lines are left out")
        kept.entries = kept.entries.prefix(first) + [middle] + kept.entries.suffix(last)
        return kept.timeline
    }

    /// For programs: one JSON object an effect. Names and texts here need no escapes but of quotes.
    package var jsonLines: String {
        entries.map { entry in
            let text = entry.text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
                .replacing("\n", with: " ")
            return "{\"time_ns\":\(entry.time),\"node\":\"\(entry.node)\",\"effect\":\"\(text)\"}\n"
        }.joined()
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
