import CLibPQ
import Glibc
import Logging

/// One libpq connection, nonblocking: turns readiness into events. It decides nothing about who uses it.
///
/// Confined to the reactor's thread, as it is not Sendable. libpq may close the socket by itself; this type asks for it
/// anew at each use and never keeps its number.
final class PostgresLink {
    enum Event {
        case pending
        case connected
        case connectFailed(reason: String)
        case answered(Result<PostgresRows, PostgresError>, isInTransaction: Bool, isAlive: Bool)
        case lost(reason: String, wasSent: Bool)
    }

    private enum Phase {
        case connecting
        case settingUp
        case idle
        case preparing(PostgresStatement, PostgresParameters, name: String)
        case executing(PostgresStatement?)
    }

    let id: ConnectionID
    /// nil after `close`, and if libpq had no memory for one.
    private var connection: OpaquePointer?
    private var phase = Phase.connecting
    private var reader = PostgresResultReader()
    private var prepared = PostgresPreparedStatements()
    private let sessionScript: String?
    private let logger: Logger
    /// Names of channels notified since `takeNotifications`; only a connection that listens has any.
    private var notifications: [String] = []
    /// A stop was asked for: what is not sent yet is not sent any more.
    private var isStopping = false

    /// - Parameter attempt: see `PostgresConfiguration.connectionParameters(attempt:)`.
    init(id: ConnectionID, configuration: PostgresConfiguration, attempt: Int, logger: Logger) {
        self.id = id
        self.logger = logger
        sessionScript = configuration.sessionScript
        connection = Self.begin(configuration.connectionParameters(attempt: attempt))
        let context = Unmanaged.passUnretained(self).toOpaque()
        // The context outlives its use: `close` comes first, and the last reference ends after it.
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<PostgresLink>.fromOpaque(context).takeUnretainedValue().log(notice: result)
            }, context)
    }

    deinit {
        PQfinish(connection)
    }

    private static func begin(_ parameters: [(keyword: String, value: String)]) -> OpaquePointer? {
        let keywords = parameters.map { strdup($0.keyword) }
        let values = parameters.map { strdup($0.value) }
        defer { for copy in keywords + values { free(copy) } }
        return PQconnectStartParams(
            keywords.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], 1)
    }

    private func log(notice: OpaquePointer) {
        let message = String(cString: PQresultErrorMessage(notice))
        logger.debug("PostgreSQL notice", metadata: ["message": "\(message)", "connection": "\(id)"])
    }

    private var errorMessage: String {
        guard let connection else { return "out of memory" }
        let message = String(cString: PQerrorMessage(connection))
        return message.last == "\n" ? String(message.dropLast()) : message
    }

    var isConnecting: Bool {
        switch phase {
        case .connecting, .settingUp: true
        default: false
        }
    }

    func takeNotifications() -> [String] {
        defer { notifications = [] }
        return notifications
    }

    /// Closes the connection. The link is not used afterwards.
    func close(_ poller: PostgresPoller) {
        if PQsocket(connection) >= 0 { poller.forget(PQsocket(connection)) }
        PQfinish(connection)
        connection = nil
    }

    /// What a canceller needs, nil if the connection is not alive.
    func makeCancel() -> OpaquePointer? {
        isStopping = true
        return PQgetCancel(connection)
    }

    // MARK: - Readiness

    /// The socket is ready, or (once) the link was just made.
    func advance(_ poller: PostgresPoller) -> Event {
        if case .connecting = phase { return advanceConnecting(poller) }
        var isAlive = consume()
        // The first read after the server's end succeeds, only the second one sees it.
        if case .idle = phase, isAlive { isAlive = consume() }
        if case .idle = phase { return isAlive ? .pending : .lost(reason: errorMessage, wasSent: false) }
        if isAlive { flush(poller) }
        return readResults(poller, isAlive: isAlive)
    }

    private func advanceConnecting(_ poller: PostgresPoller) -> Event {
        guard let connection, PQstatus(connection) != CONNECTION_BAD else {
            return .connectFailed(reason: errorMessage)
        }
        // A connection just begun counts as one that was told to write (manual, PQconnectPoll).
        switch PQconnectPoll(connection) {
        case PGRES_POLLING_READING: poller.watch(PQsocket(connection), id: id)
        case PGRES_POLLING_WRITING: poller.watch(PQsocket(connection), id: id, reads: false, writes: true)
        case PGRES_POLLING_OK:
            poller.watch(PQsocket(connection), id: id)
            guard PQsetnonblocking(connection, 1) == 0 else { return .connectFailed(reason: errorMessage) }
            guard let sessionScript else {
                phase = .idle
                return .connected
            }
            phase = .settingUp
            guard PQsendQuery(connection, sessionScript) == 1 else { return .connectFailed(reason: errorMessage) }
            flush(poller)
        default: return .connectFailed(reason: errorMessage)
        }
        return .pending
    }

    /// For a link just made, whose socket may be ready only to write: asks libpq once without an event.
    func begin(_ poller: PostgresPoller) -> Event {
        guard let connection, PQstatus(connection) != CONNECTION_BAD, PQsocket(connection) >= 0 else {
            return .connectFailed(reason: errorMessage)
        }
        poller.watch(PQsocket(connection), id: id, reads: false, writes: true)
        return .pending
    }

    /// False if the connection has ended. Notifications may come behind any answer, without another event.
    private func consume() -> Bool {
        let wasRead = PQconsumeInput(connection) == 1
        while let notification = PQnotifies(connection) {
            notifications.append(String(cString: notification.pointee.relname))
            PQfreemem(notification)
        }
        return wasRead && PQstatus(connection) != CONNECTION_BAD
    }

    private func flush(_ poller: PostgresPoller) {
        let isPending = PQflush(connection) == 1
        guard PQsocket(connection) >= 0 else { return }
        if isPending || isWatchingWrites {
            poller.watch(PQsocket(connection), id: id, writes: isPending)
            isWatchingWrites = isPending
        }
    }

    private var isWatchingWrites = false

    // MARK: - Exchanges

    /// Runs a job. The connection must have nothing under way.
    func start(_ work: PostgresJob.Work, _ poller: PostgresPoller) -> Event {
        isStopping = false
        switch work {
        case .script(let script):
            guard !script.utf8.contains(0) else { return refused("a script cannot contain U+0000") }
            return sent(PQsendQuery(connection, script), .executing(nil), poller)
        case .statement(let statement, let parameters):
            if let name = prepared.name(for: statement, types: parameters.types) {
                return execute(name, statement, parameters, poller)
            }
            let name = prepared.makeName(for: statement)
            let count = Int32(clamping: parameters.types.count)
            let status = PQsendPrepare(connection, name, statement.sql, count, parameters.types)
            return sent(status, .preparing(statement, parameters, name: name), poller)
        }
    }

    /// Forgets what the server has forgotten.
    func forgetPrepared(_ work: PostgresJob.Work) {
        if case .statement(let statement, _) = work { prepared.remove(statement) }
    }

    private func execute(
        _ name: String,
        _ statement: PostgresStatement,
        _ parameters: PostgresParameters,
        _ poller: PostgresPoller,
    ) -> Event {
        let count = parameters.ranges.count
        let lengths = parameters.ranges.map { Int32(clamping: $0?.count ?? 0) }
        let status = parameters.bytes.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { bytes in
                let values = parameters.ranges.map { range in
                    range.flatMap { range in bytes.baseAddress.map { $0 + range.lowerBound } }
                }
                let binary = [Int32](repeating: 1, count: count)
                return PQsendQueryPrepared(connection, name, Int32(clamping: count), values, lengths, binary, 1)
            }
        }
        return sent(status, .executing(statement), poller)
    }

    private func sent(_ status: Int32, _ next: Phase, _ poller: PostgresPoller) -> Event {
        guard status == 1 else {
            let isAlive = PQstatus(connection) != CONNECTION_BAD
            phase = .idle
            return isAlive ? refused(errorMessage) : .lost(reason: errorMessage, wasSent: false)
        }
        phase = next
        reader = PostgresResultReader()
        flush(poller)
        return .pending
    }

    /// libpq itself refuses, for example more than 65,535 parameters: program_limit_exceeded.
    private func refused(_ message: String) -> Event {
        answered(.failure(.server(sqlState: "54000", message: message, constraint: nil)), isAlive: true)
    }

    private func answered(_ outcome: Result<PostgresRows, PostgresError>, isAlive: Bool) -> Event {
        phase = .idle
        let isInTransaction = PQtransactionStatus(connection) != PQTRANS_IDLE
        return .answered(outcome, isInTransaction: isInTransaction, isAlive: isAlive)
    }

    /// Reads what is complete. The last result is followed by a nil: only then is the server ready, and a statement
    /// outside a transaction committed.
    private func readResults(_ poller: PostgresPoller, isAlive: Bool) -> Event {
        var isScript = true
        if case .executing(.some) = phase { isScript = false }
        while PQisBusy(connection) == 0 {
            guard let result = PQgetResult(connection) else {
                guard reader.lossReason == nil else { return lost() }
                return exchangeEnded(poller, isAlive: isAlive)
            }
            reader.read(result, isScript: isScript)
            PQclear(result)
            if reader.isCopying { return copyRefused() }
        }
        return isAlive ? .pending : lost()
    }

    private func lost() -> Event {
        let reason = reader.lossReason ?? errorMessage
        switch phase {
        case .connecting, .settingUp: return .connectFailed(reason: reason)
        case .idle, .preparing: return .lost(reason: reason, wasSent: false)
        case .executing: return .lost(reason: reason, wasSent: true)
        }
    }

    private func copyRefused() -> Event {
        let error = PostgresError.server(sqlState: "0A000", message: "COPY is not supported", constraint: nil)
        // The session is in the middle of a COPY: it cannot be used again.
        return answered(.failure(error), isAlive: false)
    }

    private func exchangeEnded(_ poller: PostgresPoller, isAlive: Bool) -> Event {
        if case .settingUp = phase {
            if let failure = reader.failure { return .connectFailed(reason: "\(failure)") }
            guard isAlive else { return .connectFailed(reason: errorMessage) }
            phase = .idle
            return .connected
        }
        if let failure = reader.failure { return answered(.failure(failure), isAlive: isAlive) }
        guard case .preparing(let statement, let parameters, let name) = phase else {
            return answered(.success(reader.rows), isAlive: isAlive)
        }
        guard isAlive else { return lost() }
        prepared.insert(name, for: statement, types: parameters.types)
        guard !isStopping else {
            let error = PostgresError.server(
                sqlState: PostgresError.queryCanceled, message: "stopped before it was sent", constraint: nil)
            return answered(.failure(error), isAlive: true)
        }
        return execute(name, statement, parameters, poller)
    }
}
