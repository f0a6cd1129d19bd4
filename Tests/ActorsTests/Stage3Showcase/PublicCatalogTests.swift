import Actors
import Testing

struct PublicCatalogTests {
    private static let query = PublicVideoQuery(city: nil, sort: .recent, skip: 0, limit: 20)
    private typealias Ending = Outcome<PublicVideoPage, RepositoryError>

    private struct Stage {
        let world = World()
        let queries = Box(0)
        let catalog: PublicCatalog

        init(
            _ body: @escaping @Sendable () async throws(RepositoryError) -> Void = {}
        ) {
            let queries = queries
            let videos = VideosDouble(onPublicVideos: { _ throws(RepositoryError) in
                let total = queries.change { count in
                    count += 1
                    return count
                }
                try await body()
                return PublicVideoPage(videos: [], total: total)
            })
            catalog = PublicCatalog(videos: videos, clock: world.clock)
        }

        func read(_ query: PublicVideoQuery = PublicCatalogTests.query) -> Running<Ending> {
            let catalog = catalog
            return world.start { await outcome { try await catalog.page(query) } }
        }
    }

    @Test("many readers of a page that is not there wait for one query")
    func oneQuery() {
        let gate = Gate()
        let stage = Stage { await gate.pass() }
        let readers = (0..<10).map { _ in stage.read() }
        #expect(stage.queries.value == 1)
        gate.open()
        stage.world.settle()
        #expect(readers.allSatisfy { $0.value == .returned(PublicVideoPage(videos: [], total: 1)) })
        #expect(stage.queries.value == 1)
    }

    @Test("a page is handed out again until it is as old as it may be")
    func age() {
        let stage = Stage()
        _ = stage.read()
        stage.world.advance(.milliseconds(249))
        _ = stage.read()
        #expect(stage.queries.value == 1)
        stage.world.advance(.milliseconds(1))
        #expect(stage.read().value == .returned(PublicVideoPage(videos: [], total: 2)))
    }

    @Test("a failure reaches every waiter, and is not remembered")
    func failure() {
        let gate = Gate()
        let stage = Stage { () throws(RepositoryError) in
            if await gate.pass() { throw away }
        }
        let readers = (0..<3).map { _ in stage.read() }
        gate.open()
        stage.world.settle()
        #expect(readers.allSatisfy { $0.value == .threw(away) })
        #expect(stage.queries.value == 1)
        _ = stage.read()
        #expect(stage.queries.value == 2)
    }

    @Test("different questions are asked apart")
    func keys() {
        let stage = Stage()
        _ = stage.read()
        _ = stage.read(PublicVideoQuery(city: FoldedText("Cali"), sort: .recent, skip: 0, limit: 20))
        _ = stage.read(PublicVideoQuery(city: FoldedText("CALI"), sort: .recent, skip: 0, limit: 20))
        #expect(stage.queries.value == 2)
    }

    @Test("different pages are read two at a time, in the order they were asked for; beyond a number it is refused")
    func turns() throws {
        let gate = Gate()
        let stage = Stage { await gate.pass() }
        func query(_ skip: Int) -> PublicVideoQuery {
            PublicVideoQuery(city: nil, sort: .recent, skip: skip, limit: 20)
        }
        let readers = (0..<PublicCatalog.maximumQueries + PublicCatalog.maximumWaiting).map { stage.read(query($0)) }
        #expect(stage.queries.value == PublicCatalog.maximumQueries)
        let beyond = try #require(stage.read(query(1000)).value)
        guard case .threw(.unavailable) = beyond else {
            Issue.record("\(beyond)")
            return
        }
        gate.open()
        stage.world.settle()
        #expect(readers.allSatisfy { $0.isOver })
        #expect(stage.queries.value == readers.count)
        #expect(stage.read(query(2000)).isOver)
    }

    @Test("a page that took long to read lives longer, up to a bound")
    func life() {
        for (reading, life) in [(Duration.milliseconds(5), 250), (.milliseconds(40), 800), (.seconds(1), 2000)] {
            let world = World()
            let queries = Box(0)
            let clock = world.clock
            let videos = VideosDouble(onPublicVideos: { _ throws(RepositoryError) in
                queries.change { $0 += 1 }
                do { try await clock.wait(reading) } catch { throw .unavailable("cancelled") }
                return PublicVideoPage(videos: [], total: 0)
            })
            let catalog = PublicCatalog(videos: videos, clock: clock)
            func read() {
                _ = world.start { await outcome(RepositoryError.self) { try await catalog.page(Self.query) } }
            }
            read()
            world.advance(reading)
            world.advance(.milliseconds(life) - reading - .milliseconds(1))
            read()
            #expect(queries.value == 1, "\(reading)")
            world.advance(.milliseconds(2))
            read()
            #expect(queries.value == 2, "\(reading)")
        }
    }
}
