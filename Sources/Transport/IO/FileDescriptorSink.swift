import Actors
import Glibc
import Synchronization

/// Writes metric lines to a descriptor without ever waiting for its reader.
///
/// A reader that is slow or gone must not block a node: the descriptor is only written while poll(2) says that it takes
/// bytes, and lines that find it full are dropped and counted. A line may exceed PIPE_BUF, so what a write leaves over is
/// kept and goes out before anything else.
package final class FileDescriptorSink: MetricSink {
    /// Bytes kept of a line that was written in part.
    package static let maximumBacklog = 1 << 20

    private let descriptor: Int32
    private let state = Mutex(State())

    private struct State {
        var backlog: [UInt8] = []
        var dropped = 0
    }

    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Lines that were not taken.
    package var dropped: Int { state.withLock { $0.dropped } }

    package func write(_ line: String) {
        state.withLock { state in
            guard flush(&state), state.backlog.isEmpty else {
                state.dropped += 1
                return
            }
            state.backlog = Array(line.utf8) + [UInt8(ascii: "\n")]
            _ = flush(&state)
        }
    }

    /// - Returns: false when the reader is gone.
    private func flush(_ state: inout State) -> Bool {
        while !state.backlog.isEmpty {
            var interest = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&interest, 1, 0) == 1 else { return true }
            guard interest.revents & Int16(POLLERR | POLLNVAL) == 0 else {
                state.backlog = []
                return false
            }
            // A pipe that polls as writable takes PIPE_BUF bytes at least without blocking; see pipe(7).
            let count = min(state.backlog.count, 4096)
            let written = state.backlog.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, count) }
            guard written > 0 else { return true }
            state.backlog.removeFirst(written)
        }
        return true
    }
}
