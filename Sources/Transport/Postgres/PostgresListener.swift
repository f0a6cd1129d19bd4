/// Which channels are listened to on the one connection kept for that, and who is told: decisions only.
///
/// A subscriber is told once its channel is listened to, after each reconnection again, and at each notification: what
/// it reads after being told cannot miss a change. The connection exists while there are subscribers.
struct PostgresListener {
    typealias Instant = ContinuousClock.Instant

    enum Action: Equatable {
        case connect(ConnectionID)
        case send(String, on: ConnectionID)
        case tell(UInt64)
        case close(ConnectionID)
    }

    private enum State: Equatable {
        case closed
        case connecting(ConnectionID, until: Instant)
        /// A command that makes `channels` those listened to is under way.
        case changing(ConnectionID, channels: Set<String>, until: Instant)
        case ready(ConnectionID)
    }

    /// For a connection attempt, and for one command.
    let timeout: Duration
    private var state = State.closed
    private var subscribers: [String: Set<UInt64>] = [:]
    private var channelOf: [UInt64: String] = [:]
    private var listened: Set<String> = []
    private var backOff = PostgresBackOff()
    private var isShuttingDown = false

    init(timeout: Duration) {
        self.timeout = timeout
    }

    var connection: ConnectionID? {
        switch state {
        case .closed: nil
        case .connecting(let id, _), .changing(let id, _, _), .ready(let id): id
        }
    }

    var nextTimer: Instant? {
        switch state {
        case .closed: channelOf.isEmpty ? nil : backOff.retryAt
        case .connecting(_, let until), .changing(_, _, let until): until
        case .ready: nil
        }
    }

    mutating func subscribe(_ id: UInt64, channel: String, newConnection: ConnectionID, now: Instant) -> [Action] {
        guard !isShuttingDown else { return [] }
        subscribers[channel, default: []].insert(id)
        channelOf[id] = channel
        if case .ready = state, listened.contains(channel) { return [.tell(id)] }
        return advance(newConnection: newConnection, now: now)
    }

    mutating func unsubscribe(_ id: UInt64, now: Instant) -> [Action] {
        guard let channel = channelOf.removeValue(forKey: id) else { return [] }
        subscribers[channel]?.remove(id)
        if subscribers[channel]?.isEmpty == true { subscribers[channel] = nil }
        guard channelOf.isEmpty else { return advance(newConnection: nil, now: now) }
        return close()
    }

    mutating func connected(now: Instant) -> [Action] {
        guard case .connecting(let id, _) = state else { return [] }
        backOff.succeeded()
        listened = []
        state = .ready(id)
        return advance(newConnection: nil, now: now)
    }

    mutating func commandSucceeded(now: Instant) -> [Action] {
        guard case .changing(let id, let channels, _) = state else { return [] }
        let added = channels.subtracting(listened)
        listened = channels
        state = .ready(id)
        let told = added.flatMap { subscribers[$0] ?? [] }.sorted()
        return told.map { .tell($0) } + advance(newConnection: nil, now: now)
    }

    /// The connection could not be had, has ended or does not do what it is told. `jitter` is random, from 0 to 1.
    mutating func failed(_ reason: String, jitter: Double, now: Instant) -> [Action] {
        _ = backOff.failed(reason, jitter: jitter, now: now)
        return close()
    }

    func notified(_ channel: String) -> [Action] {
        (subscribers[channel] ?? []).sorted().map { .tell($0) }
    }

    mutating func timersFired(jitter: Double, newConnection: ConnectionID, now: Instant) -> [Action] {
        guard let due = nextTimer, due <= now else { return [] }
        if case .closed = state { return advance(newConnection: newConnection, now: now) }
        return failed("no answer in time", jitter: jitter, now: now)
    }

    mutating func shutDown() -> [Action] {
        isShuttingDown = true
        subscribers = [:]
        channelOf = [:]
        return close()
    }

    private mutating func close() -> [Action] {
        defer { state = .closed }
        return connection.map { [.close($0)] } ?? []
    }

    private mutating func advance(newConnection: ConnectionID?, now: Instant) -> [Action] {
        switch state {
        case .closed:
            guard let newConnection, !channelOf.isEmpty, backOff.retryAt.map({ $0 <= now }) ?? true else { return [] }
            state = .connecting(newConnection, until: now.advanced(by: timeout))
            return [.connect(newConnection)]
        case .connecting, .changing: return []
        case .ready(let id):
            let wanted = Set(subscribers.keys)
            guard wanted != listened else { return [] }
            state = .changing(id, channels: wanted, until: now.advanced(by: timeout))
            let commands =
                wanted.subtracting(listened).sorted().map { "LISTEN \($0.postgresIdentifier)" }
                + listened.subtracting(wanted).sorted().map { "UNLISTEN \($0.postgresIdentifier)" }
            return [.send(commands.joined(separator: "; "), on: id)]
        }
    }
}
