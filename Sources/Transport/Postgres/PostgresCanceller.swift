import CLibPQ
import DequeModule
import Logging
import Synchronization

/// Asks the server to stop statements, on a thread of its own: `PQcancel` opens a connection and blocks, for as long as
/// the server takes to close it.
///
/// The queue holds at most one request a connection. The limit on waiting is the pool's: it gives up the connection.
final class PostgresCanceller: Sendable {
    /// libpq's key to stop a connection's statement.
    ///
    /// Proof of `@unchecked Sendable`: `PQgetCancel` makes a copy of all that `PQcancel` needs, independent of the
    /// connection (manual, chapter 34.7), and the request is handed from the reactor to the queue to the thread, never
    /// shared.
    private struct Request: @unchecked Sendable {
        let connection: ConnectionID
        let cancel: OpaquePointer
    }

    private struct State {
        var requests: Deque<Request> = []
        var isClosed = false
        var isIdle = true
    }

    private let state = Mutex(State())
    private let requestCount: PostgresWakeUp
    private let returned: @Sendable (ConnectionID) -> Void
    private let logger: Logger

    /// - Parameter returned: called on the canceller's thread when a request is no longer under way.
    init(logger: Logger, returned: @escaping @Sendable (ConnectionID) -> Void) throws(PostgresThreadError) {
        requestCount = try PostgresWakeUp(isQueue: true)
        self.returned = returned
        self.logger = logger
    }

    /// Takes over a key from `PQgetCancel`.
    func request(_ connection: ConnectionID, _ cancel: OpaquePointer) {
        let request = Request(connection: connection, cancel: cancel)
        state.withLock { $0.requests.append(request) }
        requestCount.signal()
    }

    /// Forgets the request for a connection that has gone, if it is not under way.
    func withdraw(_ connection: ConnectionID) {
        state.withLock { state in
            guard let place = state.requests.firstIndex(where: { $0.connection == connection }) else { return }
            PQfreeCancel(state.requests.remove(at: place).cancel)
        }
    }

    /// Ends the thread after the request under way. True if there is none: the thread ends at once.
    func close() -> Bool {
        defer { requestCount.signal() }
        return state.withLock { state in
            state.isClosed = true
            for request in state.requests { PQfreeCancel(request.cancel) }
            state.requests.removeAll()
            return state.isIdle
        }
    }

    /// The thread's body.
    func run() {
        while true {
            requestCount.wait()
            let (request, isClosed) = state.withLock { state in
                let request = state.requests.popFirst()
                state.isIdle = request == nil
                return (request, state.isClosed)
            }
            if let request {
                carryOut(request)
                // Before the reactor hears of it, which may close right then.
                state.withLock { $0.isIdle = true }
                returned(request.connection)
            }
            if isClosed { return }
        }
    }

    private func carryOut(_ request: Request) {
        let message = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer -> String? in
            let wasSent = PQcancel(request.cancel, buffer.baseAddress, Int32(buffer.count)) == 1
            return wasSent ? nil : buffer.baseAddress.map { String(cString: $0) }
        }
        PQfreeCancel(request.cancel)
        if let message { logger.debug("PostgreSQL did not take a cancel request", metadata: ["reason": "\(message)"]) }
    }
}
