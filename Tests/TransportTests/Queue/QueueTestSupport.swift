import Actors
import Transport

struct RealClock: NodeClock {
    private static let origin = ContinuousClock.now

    var now: MonotonicInstant { MonotonicInstant(nanoseconds: (ContinuousClock.now - Self.origin).nanoseconds) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        try await Task.sleep(for: now.duration(to: deadline), tolerance: tolerance)
    }
}

func withQueue(_ body: @Sendable (PostgresJobQueue, TestDatabase) async throws -> Void) async throws {
    try await withDatabase { database in
        let queue = PostgresJobQueue(client: database.client, configuration: .jobs, clock: RealClock())
        try await body(queue, database)
    }
}

private let video: VideoID = IdentifierSource(random: SystemRandom()).make()

func job(_ database: TestDatabase, _ number: Int) -> JobMessage { JobMessage(Dispatch(video: video, number: number)) }

extension PostgresJobQueue {
    func receiveNow() async throws -> [ReceivedMessage] {
        try await receive(maximum: 10, visibility: .seconds(60), wait: .zero)
    }
}

extension TestDatabase {
    /// Ends every message's visibility timeout.
    func showAll() async throws { try await sql("UPDATE queue_messages SET visible_at = now()") }
}
