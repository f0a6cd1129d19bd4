import Glibc
import Synchronization

/// Prints for a person: progress in place on a terminal, plain lines elsewhere.
final class DemoConsole: Sendable {
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private let lastShown = Mutex<[String: Int]>([:])

    func title(_ text: String) { write("\n\(bold(text))\n") }
    func line(_ text: String) { write(text + "\n") }

    /// Says what goes on, and how long it took.
    func working<Value: Sendable>(_ text: String, _ body: () async throws -> Value) async throws -> Value {
        let clock = ContinuousClock()
        let start = clock.now
        if isTerminal { write("… \(text)\r") }
        let value = try await body()
        let tenths = Int(((clock.now - start) / .milliseconds(100)).rounded())
        write("✓ \(text): \(tenths / 10).\(tenths % 10) s\n")
        return value
    }

    /// A bar on a terminal; elsewhere a line at each quarter.
    func progress(_ name: String, _ percent: Int) {
        let before = lastShown.withLock { shown in
            let before = shown[name] ?? -1
            if percent > before { shown[name] = percent }
            return before
        }
        guard percent > before else { return }
        if isTerminal {
            let filled = percent * 30 / 100
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
            write("\r  \(name) \(bar) \(percent) %\(percent == 100 ? "\n" : "")")
        } else if percent / 25 > before / 25 || before < 0 {
            write("  \(name) \(percent) %\n")
        }
    }

    func bold(_ text: String) -> String { isTerminal ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
