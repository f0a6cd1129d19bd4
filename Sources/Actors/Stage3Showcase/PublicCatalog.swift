import Synchronization

/// The public list: a small cache of pages over the repository.
///
/// Owns the pages. Talked to by the public list's route. Bounds: `maximumPages` pages, none older than `pageLife` when
/// handed out, or `longestLife` where reading one is dear; many readers of one page that is not there wait for one query. When the database is away, readers get
/// the error.
package actor PublicCatalog {
    package static let maximumPages = 64
    /// Queries of one node at once, whatever is asked for: others wait.
    package static let maximumQueries = 2
    /// Readers that wait for a query of their own; beyond it `.unavailable`.
    package static let maximumWaiting = 64
    package static let pageLife: Duration = .milliseconds(250)
    /// A page that took long to read lives this many times as long, up to `longestLife`.
    package static let lifePerReading = 20
    package static let longestLife: Duration = .seconds(2)

    private let videos: any VideoRepository
    private nonisolated let clock: any NodeClock
    /// Read without a turn on the actor; changed on it alone.
    private nonisolated let pages = Mutex<[PublicVideoQuery: Page]>([:])

    private struct Page {
        let page: PublicVideoPage
        let goodUntil: MonotonicInstant
    }
    private var waiters: [PublicVideoQuery: [Waiter]] = [:]
    /// Queries that began under an earlier one may show what is gone.
    private var generation = 0
    private var queries = 0
    private var queue: [CheckedContinuation<Void, Never>] = []

    /// Resumed with nil when the reader whose query it was went away, or its page is forgotten: to be asked again.
    private typealias Waiter = CheckedContinuation<Result<PublicVideoPage, RepositoryError>?, Never>

    package init(videos: any VideoRepository, clock: any NodeClock) {
        self.videos = videos
        self.clock = clock
    }

    /// Pages read before are not shown to those who ask from now on.
    package func forget() {
        generation += 1
        pages.withLock { $0.removeAll(keepingCapacity: true) }
    }

    private func takeTurn() async {
        if queries < Self.maximumQueries {
            queries += 1
        } else {
            await withCheckedContinuation { queue.append($0) }
        }
    }

    /// The turn goes to who waits longest.
    private func endTurn() {
        if queue.isEmpty { queries -= 1 } else { queue.removeFirst().resume() }
    }

    package nonisolated func page(_ query: PublicVideoQuery) async throws(RepositoryError) -> PublicVideoPage {
        if let known = known(query) { return known }
        return try await read(query)
    }

    private nonisolated func known(_ query: PublicVideoQuery) -> PublicVideoPage? {
        guard let known = pages.withLock({ $0[query] }), clock.now < known.goodUntil else { return nil }
        return known.page
    }

    private func read(_ query: PublicVideoQuery) async throws(RepositoryError) -> PublicVideoPage {
        while true {
            if let known = known(query) { return known }
            guard waiters[query] != nil else { break }
            let answer = await withCheckedContinuation { waiters[query, default: []].append($0) }
            if let answer { return try answer.get() }
        }
        guard queue.count < Self.maximumWaiting else { throw .unavailable("too many different pages are asked for") }
        waiters[query] = []
        await takeTurn()
        let readAt = clock.now
        let readIn = generation
        let result: Result<PublicVideoPage, RepositoryError>
        do throws(RepositoryError) {
            result = .success(try await videos.publicVideos(query))
        } catch {
            result = .failure(error)
        }
        endTurn()
        if case .success(let page) = result, readIn == generation {
            let now = clock.now
            let reading = readAt.duration(to: now)
            let life = min(max(Self.pageLife, reading * Self.lifePerReading), Self.longestLife)
            pages.withLock { pages in
                pages = pages.filter { now < $0.value.goodUntil }
                if pages.count >= Self.maximumPages { pages.removeAll(keepingCapacity: true) }
                pages[query] = Page(page: page, goodUntil: readAt.advanced(by: life))
            }
        }
        var shared: Result<PublicVideoPage, RepositoryError>? = result
        if case .failure = result, Task.isCancelled { shared = nil }
        if readIn != generation { shared = nil }
        for waiter in waiters.removeValue(forKey: query) ?? [] { waiter.resume(returning: shared) }
        return try result.get()
    }
}

/// A page's bodies by the origin that its addresses begin with. Bound: `maximumOrigins`, because clients choose them.
package final class Renderings: Sendable {
    package static let maximumOrigins = 2

    private let bodies = Mutex<[String: ReadyBytes]>([:])

    package init() {}

    /// Two that ask at once may both make it.
    package nonisolated(nonsending) func body(for origin: String, make: () async throws -> [UInt8]) async throws
        -> ReadyBytes
    {
        if let known = bodies.withLock({ $0[origin] }) { return known }
        let body = ReadyBytes(try await make())
        bodies.withLock { bodies in
            if bodies.count >= Self.maximumOrigins { bodies.removeAll() }
            bodies[origin] = body
        }
        return body
    }
}
