import Actors
import FoundationEssentials
import Logging
import Transport

/// Which adapter serves which port, decided once from the configuration.
struct NodeParts: Sendable {
    let id: NodeID
    let folder: DataFolder
    let database: DatabaseService
    let users: any UserRepository
    let videos: any VideoRepository
    let votes: any VoteRepository
    let feed: any ChangeFeed
    let jobs: any JobQueue
    let deadLetters: any JobQueue
    let store: FileObjectStore
    let signer: MediaURLSigner
    let gateway: S3Gateway
    let workspaces: FileWorkspaces
    let clock = SystemClock()
    let wallClock = SystemWallClock()
    let random = SystemRandomSource()
    let logger: Logger

    init(_ configuration: NodeConfiguration, id: NodeID, logger: Logger) async throws {
        self.id = id
        self.logger = logger
        let folder = try DataFolder(path: configuration.dataDir)
        self.folder = folder
        database = try await DatabaseService.start(configuration, folder: folder, logger: logger)
        let client = database.client
        users = PostgresUserRepository(client: client)
        videos = PostgresVideoRepository(client: client, node: id)
        votes = PostgresVoteRepository(client: database.voteClient)
        feed = PostgresChangeFeed(client: client)
        jobs = PostgresJobQueue(client: client, configuration: .jobs, clock: clock)
        deadLetters = PostgresJobQueue(client: client, configuration: .deadLetters, clock: clock)
        signer = MediaURLSigner(secret: try folder.secret(named: "media", bytes: 32))
        store = try FileObjectStore(root: folder.path + "/objects", signer: signer, wallClock: wallClock)
        gateway = S3Gateway(store: store, clock: clock, wallClock: wallClock, random: random, logger: logger)
        workspaces = try FileWorkspaces(
            root: folder.path + "/temp", process: id.description,
            reserveBytes: Int64(configuration.integer("http.spoolReserveBytes")))
    }

    /// Removes what belongs to this process only, and lets go of the database.
    func stop() {
        workspaces.removeOwn()
        database.stop()
    }
}
