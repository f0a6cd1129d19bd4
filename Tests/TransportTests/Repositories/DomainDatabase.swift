import Actors
import Simulation
import Testing
import Transport

/// The repositories' ports over one database, so that one contract is held against PostgreSQL and the simulation's fake.
protocol DomainDatabase: Sendable {
    associatedtype Users: UserRepository
    associatedtype Videos: VideoRepository
    associatedtype Votes: VoteRepository
    associatedtype Keys: IdempotencyRepository
    associatedtype Feed: ChangeFeed
    var users: Users { get }
    var videos: Videos { get }
    var votes: Votes { get }
    var keys: Keys { get }
    var feed: Feed { get }
    /// All that the database holds is older by `duration` from now on.
    func elapse(_ duration: Duration) async throws
    /// Claims of the video's current dispatch.
    func claims(of video: VideoID) async throws -> Int
    func makeVoters(_ count: Int) async throws -> [UserID]
}

/// What a contract of repositories is held against.
enum DatabaseService: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case simulation, postgres

    var testDescription: String { rawValue }
}

/// Runs `body` with a new database of that kind.
func withDatabase(
    _ service: DatabaseService, _ body: @Sendable (any DomainDatabase) async throws -> Void
) async throws {
    switch service {
    case .postgres: try await withDatabase { try await body($0) }
    case .simulation: try await LivePorts.with { try await body(SimulatedDatabase(ports: $0)) }
    }
}

private struct SimulatedDatabase: DomainDatabase {
    let ports: LivePorts
    var users: DatabaseClient { ports.database }
    var videos: DatabaseClient { ports.database }
    var votes: DatabaseClient { ports.database }
    var keys: DatabaseClient { ports.database }
    var feed: DatabaseClient { ports.database }

    func elapse(_ duration: Duration) async throws { try await ports.elapse(duration) }
    func claims(of video: VideoID) async throws -> Int { ports.claims(of: video) }
    func makeVoters(_ count: Int) async throws -> [UserID] {
        var voters: [UserID] = []
        for _ in 0..<count { voters.append(try await makeUser(username: "v").id) }
        return voters
    }
}
