import FoundationEssentials
import Logging
import Synchronization

/// A page of the ranking, ready to be sent.
package struct RankingPage: Sendable {
    /// A JSON array of objects with exactly `city`, `position`, `username` and `votes`.
    package let body: ReadyBytes
    /// Players in the whole filter.
    package let total: Int
}

package struct RankingQuery: Sendable, Hashable {
    /// Nil: the whole country.
    package var city: FoldedText?
    package var skip: Int
    /// 1 to 1,000.
    package var limit: Int

    package init(city: FoldedText?, skip: Int, limit: Int) {
        self.city = city
        self.skip = skip
        self.limit = limit
    }
}

/// What the node's own BallotBox has committed. `previous` is the last number of the same writer that changed anything,
/// so that a delta lost on the way shows.
package struct OwnDelta: Sendable, Equatable {
    package let delta: VoteDelta
    package let previous: Int64

    package init(delta: VoteDelta, previous: Int64) {
        self.delta = delta
        self.previous = previous
    }
}

/// Keeps the ranking of the contest in memory, moved by the deltas of committed batches.
///
/// Owns the index, the feed positions and the ready pages of one generation. Listens to the BallotBox of its node
/// (`ownDeltas`), to the change feed and to a timer (`pollInterval`); tells nobody. Bounds: `maximumPages` ready pages,
/// at most one generation each `generationInterval`, `feedLimit` batches a writer and poll. When the database is away
/// the last generation is served; when the feed was pruned beyond its position it loads anew.
package actor RankingActor {
    package static let maximumPages = 256
    package static let generationInterval: Duration = .milliseconds(50)
    package static let feedLimit = 500
    /// The longest wait of a committed vote until it is shown; the database may have gone away before its player was
    /// learnt.
    package static let reachLimit: Duration = .seconds(3)

    /// Deltas of this node's own lane; one that does not fit is found in the feed.
    package nonisolated let ownDeltas = Mailbox<OwnDelta>("own vote deltas", capacity: 1024)
    private nonisolated let look = Signal()
    private nonisolated let publishing = Signal()
    private let votes: any VoteRepository
    private let feed: any ChangeFeed
    private let pollInterval: Duration
    private let clock: any NodeClock
    private let random: any RandomSource
    private let logger: Logger

    private var index = RankingIndex()
    private var positions: FeedPositions = [:]
    private var publishedPositions: FeedPositions = [:]
    private var loaded = false
    /// Own deltas wait in their mailbox while a snapshot is read: it may be older than they are.
    private var loading = false
    private var loads = 0
    /// Somebody left the feed to the load under way.
    private var looksAfterLoad = false
    private var loadOver: CheckedContinuation<Void, Never>?
    /// Read without a turn on the actor; changed on it alone.
    private nonisolated let pages = Mutex<[RankingQuery: RankingPage]>([:])
    private var waiters: [Waiter] = []

    private struct Waiter {
        let writer: WriterID
        let number: Int64
        let since: MonotonicInstant
        let continuation: CheckedContinuation<Bool, Never>
    }

    /// - Parameter pollInterval: between two looks at the feed when no announcement comes.
    package init(
        votes: any VoteRepository, feed: any ChangeFeed, pollInterval: Duration = .seconds(1), clock: any NodeClock,
        random: any RandomSource, logger: Logger
    ) {
        self.votes = votes
        self.feed = feed
        self.pollInterval = pollInterval
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// Whether a generation exists; before it, pages are empty.
    package var isReady: Bool { loaded }

    /// Nil before the first generation: an empty ranking would be a wrong one.
    package nonisolated func readyPage(_ query: RankingQuery) async -> RankingPage? {
        if let ready = pages.withLock({ $0[query] }) { return ready }
        return await isReady ? page(query) : nil
    }

    // MARK: - Reading

    package func page(_ query: RankingQuery) -> RankingPage {
        if let ready = pages.withLock({ $0[query] }) { return ready }
        let rows = index.rows(in: query.city, skip: query.skip, limit: query.limit)
        let page = RankingPage(body: ReadyBytes(Self.encode(rows)), total: index.count(in: query.city))
        pages.withLock { pages in
            if pages.count >= Self.maximumPages { pages.removeAll(keepingCapacity: true) }
            pages[query] = page
        }
        return page
    }

    /// Returns when the batch is in what `page` shows, after `reachLimit`, or when the actor stops.
    /// - Returns: whether it is shown.
    @discardableResult
    package func reached(_ number: Int64, of writer: WriterID) async -> Bool {
        if isPublished(number, of: writer) { return true }
        if stopped { return false }
        return await withCheckedContinuation { continuation in
            waiters.append(
                Waiter(writer: writer, number: number, since: clock.now, continuation: continuation))
        }
    }

    /// Something was committed that `ownDeltas` does not bring.
    package nonisolated func lookAgain() { look.raise() }

    /// Reads the feed to its end and shows it, so that what was committed before the call is in what `page` shows
    /// after it. When the database does not answer it is left to the next look.
    /// - Returns: whether it was read to its end.
    @discardableResult
    package func catchUp() async -> Bool {
        guard loaded, !loading else {
            look.raise()
            return false
        }
        let isComplete = await follow()
        publish()
        return isComplete
    }

    private func isPublished(_ number: Int64, of writer: WriterID) -> Bool {
        publishedPositions[writer, default: 0] >= number
    }

    // MARK: - Running

    private var stopped = false

    /// Returns when the task is cancelled; every waiter is released then.
    package func run() async {
        await load()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in self.feed.changes(on: .votes) { self.look.raise() } }
            group.addTask {
                while true {
                    do { try await self.clock.wait(self.pollInterval) } catch { return }
                    await self.releaseOverdue()
                    self.look.raise()
                }
            }
            group.addTask { for await own in self.ownDeltas.elements { await self.apply(own) } }
            group.addTask {
                for await _ in self.publishing.elements {
                    await self.publish()
                    do { try await self.clock.wait(Self.generationInterval) } catch { return }
                }
            }
            for await _ in look.elements { _ = await follow() }
            group.cancelAll()
        }
        stopped = true
        release(isShown: false) { _ in true }
    }

    private func load() async {
        loading = true
        defer {
            loading = false
            loads += 1
            loadOver?.resume()
            loadOver = nil
            if looksAfterLoad { look.raise() }
            looksAfterLoad = false
        }
        var backoff = Backoff(base: .milliseconds(100), maximum: .seconds(2), random: random)
        while !Task.isCancelled {
            do {
                let snapshot = try await votes.snapshot()
                index = RankingIndex(snapshot.tallies)
                positions = snapshot.positions
                loaded = true
                publish(always: true)
                return
            } catch {
                logger.warning("ranking not loaded yet", metadata: ["reason": "\(error)"])
                do { try await clock.wait(backoff.next()) } catch { return }
            }
        }
    }

    /// Reads the feed to its end.
    /// - Returns: whether it came there.
    private func follow() async -> Bool {
        while !Task.isCancelled {
            do {
                let loadsBefore = loads
                switch try await votes.deltas(after: positions, limitPerWriter: Self.feedLimit) {
                case .behind:
                    guard !loading else { return false }
                    logger.notice("ranking: the feed was pruned beyond our position; loading anew")
                    await load()
                    return !Task.isCancelled
                case .deltas(let deltas, let more):
                    try await introduce(deltas)
                    // Another index meanwhile, which may not know the players.
                    if loading {
                        looksAfterLoad = true
                        return false
                    }
                    guard loads == loadsBefore else { continue }
                    for delta in deltas { add(delta) }
                    if !more { return true }
                }
            } catch {
                logger.warning("ranking: the feed does not answer", metadata: ["reason": "\(error)"])
                return false
            }
        }
        return false
    }

    private func apply(_ own: OwnDelta) async {
        var loadsBefore: Int
        repeat {
            if loading { await withCheckedContinuation { loadOver = $0 } }
            loadsBefore = loads
            do { try await introduce([own.delta]) } catch {
                // The feed brings it with the next look.
                return look.raise()
            }
            // Another index, which may not know the players: introduced again.
        } while loading || loads != loadsBefore
        guard positions[own.delta.writer, default: 0] >= own.previous else { return look.raise() }
        add(own.delta)
    }

    /// Learns name and city of players seen for the first time, before anything is decided.
    private func introduce(_ deltas: [VoteDelta]) async throws(RepositoryError) {
        var unknown: Set<UserID> = []
        for delta in deltas {
            for change in delta.changes where !index.knows(change.player) { unknown.insert(change.player) }
        }
        guard !unknown.isEmpty else { return }
        for player in try await votes.players(unknown.sorted()) where !index.knows(player.id) {
            index.add(0, to: player)
        }
    }

    /// Without suspension: position and counts move together. Whoever comes second with a number changes nothing.
    private func add(_ delta: VoteDelta) {
        guard delta.number > positions[delta.writer, default: 0] else { return }
        positions[delta.writer] = delta.number
        // A player who was erased meanwhile has no name and no votes.
        for change in delta.changes where index.knows(change.player) { index.add(change.votes, to: change.player) }
        publishing.raise()
    }

    private func publish(always: Bool = false) {
        guard always || positions != publishedPositions else { return }
        index.publish()
        publishedPositions = positions
        pages.withLock { $0.removeAll(keepingCapacity: true) }
        release(isShown: true) { isPublished($0.number, of: $0.writer) }
    }

    private func releaseOverdue() {
        let now = clock.now
        release(isShown: false) { $0.since.duration(to: now) >= Self.reachLimit }
    }

    private func release(isShown: Bool, where isDue: (Waiter) -> Bool) {
        let due = waiters.filter(isDue)
        waiters.removeAll(where: isDue)
        for waiter in due { waiter.continuation.resume(returning: isShown) }
    }

    private static func encode(_ rows: [RankingIndex.Row]) -> [UInt8] {
        struct Row: Encodable {
            let city: String
            let position: Int
            let username: String
            let votes: Int
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let rows = rows.map { Row(city: $0.city, position: $0.position, username: $0.username, votes: $0.votes) }
        guard let data = try? encoder.encode(rows) else { preconditionFailure("strings and integers always encode") }
        return Array(data)
    }
}
