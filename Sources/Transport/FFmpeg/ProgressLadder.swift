import Synchronization

/// Tells percentages that only rise, from whichever task they come.
final class ProgressLadder: Sendable {
    private let report: @Sendable (Int) -> Void
    private let state = Mutex<State>(State())

    private struct State {
        var told = -1
        var progress = EncodeProgress(expected: .zero)
        var top = 100
    }

    init(report: @escaping @Sendable (Int) -> Void) {
        self.report = report
    }

    /// The step that begins makes a file of that length and ends at `top` percent.
    func expect(_ duration: Duration, upTo top: Int) {
        state.withLock { state in
            state.progress = EncodeProgress(expected: duration)
            state.top = top
        }
    }

    /// Bytes of ffmpeg's progress.
    func read(_ bytes: [UInt8]) {
        let percent = state.withLock { state in state.progress.read(bytes).map { $0 * state.top / 100 } }
        if let percent { reach(percent) }
    }

    func reach(_ percent: Int) {
        // Told under the lock: two callers could otherwise be heard in the wrong order.
        state.withLock { state in
            guard percent > state.told else { return }
            state.told = percent
            report(percent)
        }
    }
}

/// Whether ffmpeg's progress ever counted a frame.
final class FrameCount: Sendable {
    private let text = Mutex<[UInt8]>([])
    private static let maximumBytes = 65_536

    func read(_ bytes: [UInt8]) {
        text.withLock { $0.append(contentsOf: bytes.prefix(max(0, Self.maximumBytes - $0.count))) }
    }

    var isPositive: Bool {
        text.withLock { bytes in
            bytes.split(separator: UInt8(ascii: "\n")).contains { line in
                let words = String(decoding: line, as: UTF8.self).split(separator: "=")
                return words.count == 2 && words[0] == "frame" && (Int(words[1].filter { !$0.isWhitespace }) ?? 0) > 0
            }
        }
    }
}
