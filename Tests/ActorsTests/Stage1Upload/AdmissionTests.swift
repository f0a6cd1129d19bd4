import Actors
import Testing

struct AdmissionTests {
    private static func backlog(
        waiting: Int = 0, inWork: Int = 0, unfinished: Duration? = nil, outbox: Duration? = nil,
        transcode: Duration? = nil
    ) -> Backlog {
        Backlog(
            waiting: waiting, inWork: inWork, oldestUnfinished: unfinished, outbox: outbox == nil ? 0 : 1,
            oldestOutbox: outbox, transcode: transcode)
    }

    /// A coordinator that has looked at the backlog once.
    private static func stage(_ seen: Box<Backlog>) -> (UploadStage, UploadCoordinator) {
        var stage = UploadStage()
        stage.videos.onBacklog = { seen.value }
        let coordinator = stage.coordinator()
        stage.world.start { await coordinator.run() }
        return (stage, coordinator)
    }

    @Test(
        "admission closes when a dispatch or a video waits beyond its limit, and opens with the next look",
        arguments: [
            (backlog(unfinished: .seconds(172_801)), true), (backlog(unfinished: .seconds(172_800)), false),
            (backlog(outbox: .seconds(601)), true), (backlog(outbox: .seconds(600)), false),
        ])
    func limits(_ backlog: Backlog, _ isClosed: Bool) throws {
        let seen = Box(backlog)
        let (stage, coordinator) = Self.stage(seen)
        let first = try #require(stage.receive(by: coordinator).value)
        guard isClosed else {
            if case .threw = first { Issue.record("\(first)") }
            return
        }
        #expect(first == .threw(.behind(retryAfter: .seconds(30))))
        #expect(stage.journal.entries.isEmpty)
        seen.change { $0 = Self.backlog() }
        stage.world.advance(UploadCoordinator.lookInterval)
        if case .threw(let error) = try #require(stage.receive(by: coordinator).value) {
            Issue.record("admission stays closed: \(error)")
        }
    }

    @Test("the expected wait grows with what waits, by transcodes of the usual length over the slots at work")
    func expectedWait() throws {
        let seen = Box(Self.backlog(waiting: 8, inWork: 2, transcode: .seconds(6)))
        let (stage, coordinator) = Self.stage(seen)
        func wait() throws -> Duration {
            let accepted = stage.world.start {
                await outcome(UploadError.self) {
                    try await coordinator.receive(SourceDouble(), from: id(1)).expectedWait
                }
            }
            guard case .returned(let wait) = try #require(accepted.value) else { throw Refused() }
            return wait
        }
        #expect(try wait() == .seconds(30))
        // The one before it waits, too, until the next look.
        #expect(try wait() == .seconds(33))
        seen.change { $0 = Self.backlog() }
        stage.world.advance(UploadCoordinator.lookInterval)
        #expect(try wait() == .seconds(5))
    }

    private struct Refused: Error {}

    @Test("while the backlog is not known uploads are admitted")
    func unknown() throws {
        var stage = UploadStage()
        stage.videos.onBacklog = { () throws(RepositoryError) in throw .unavailable("away") }
        let coordinator = stage.coordinator()
        stage.world.start { await coordinator.run() }
        if case .threw(let error) = try #require(stage.receive(by: coordinator).value) {
            Issue.record("refused: \(error)")
        }
    }
}
