import Actors
import Glibc
import Synchronization

/// Writes lines, metrics' or the log's, to a descriptor without ever waiting for its reader.
///
/// A reader that is slow or gone must not block a node: a pipe is opened anew without blocking (its other users keep
/// theirs as it is), anything else is only written while poll(2) says that it takes bytes. Lines that find it full are
/// dropped and counted. A line may exceed PIPE_BUF, so what a write leaves over is kept and goes out before anything
/// else.
package final class FileDescriptorSink: MetricSink {
    /// Bounds what is kept of a line that was written in part.
    package static let maximumLineBytes = 1 << 20

    private let descriptor: Int32
    private let notice: @Sendable (Int) -> String?
    private let state = Mutex(State())

    private struct State {
        var backlog: [UInt8] = []
        var dropped = 0
        /// Dropped since the last notice.
        var untold = 0

        mutating func drop() {
            dropped += 1
            untold += 1
        }
    }

    /// - Parameter notice: a line that tells the reader, once it reads again, how many lines it has missed.
    package init(descriptor: Int32, notice: @escaping @Sendable (Int) -> String? = { _ in nil }) {
        self.descriptor = Self.withoutBlocking(descriptor)
        self.notice = notice
    }

    /// O_NONBLOCK belongs to the open file description, which other processes share: /proc gives one of our own.
    private static func withoutBlocking(_ descriptor: Int32) -> Int32 {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return descriptor }
        let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        return own >= 0 ? own : descriptor
    }

    /// Lines that were not taken.
    package var dropped: Int { state.withLock { $0.dropped } }

    package func write(_ line: String) {
        state.withLock { state in
            guard flush(&state), state.backlog.isEmpty, line.utf8.count < Self.maximumLineBytes else {
                return state.drop()
            }
            let told = state.untold > 0 ? notice(state.untold) : nil
            if let told { state.backlog = Array(told.utf8) + [UInt8(ascii: "\n")] }
            state.backlog += Array(line.utf8) + [UInt8(ascii: "\n")]
            guard flush(&state) else { return state.drop() }
            if told != nil { state.untold = 0 }
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
