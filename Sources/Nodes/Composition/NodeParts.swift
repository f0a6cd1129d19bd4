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
    let idempotency: any IdempotencyRepository
    let throttle: any ThrottleRepository
    let feed: any ChangeFeed
    let jobs: any JobQueue
    let deadLetters: any JobQueue
    /// Serves the local store's signed URLs; nil on S3.
    let media: MediaRoute?
    /// Empty on a worker, which needs none.
    let tokenKeys: [TokenKey]
    let aws: AWSServices?
    let gateway: S3Gateway
    let workspaces: FileWorkspaces
    let clock = SystemClock()
    let wallClock = SystemWallClock()
    let random = SystemRandomSource()
    let logger: Logger

    init(_ configuration: NodeConfiguration, role: NodeRole, id: NodeID, logger: Logger) async throws {
        self.id = id
        self.logger = logger
        let folder = try DataFolder(path: configuration.dataDir)
        self.folder = folder
        // Before the database, which takes longer to come up: a setting that contradicts another is told at once.
        tokenKeys = role.servesAPI ? try TokenKeys.load(configuration, folder: folder) : []
        let aws = try AWSServices(configuration, logger: logger)
        self.aws = aws
        do {
            database = try await DatabaseService.start(configuration, folder: folder, logger: logger)
        } catch {
            await aws?.http.shutdown()
            throw error
        }
        let client = database.client
        users = PostgresUserRepository(client: client)
        videos = PostgresVideoRepository(client: client, node: id)
        votes = PostgresVoteRepository(client: database.voteClient)
        idempotency = PostgresIdempotencyRepository(client: client)
        throttle = PostgresThrottleRepository(client: client)
        feed = PostgresChangeFeed(client: client)
        jobs = aws?.jobs ?? PostgresJobQueue(client: client, configuration: .jobs, clock: clock)
        deadLetters = aws?.deadLetters ?? PostgresJobQueue(client: client, configuration: .deadLetters, clock: clock)
        let store: any ObjectStore
        if let bucket = aws?.store {
            store = bucket
            media = nil
        } else {
            let signer = MediaURLSigner(secret: try folder.secret(named: "media", bytes: 32))
            let files = try FileObjectStore(root: folder.path + "/objects", signer: signer, wallClock: wallClock)
            store = files
            media = MediaRoute(store: files, signer: signer, wallClock: wallClock)
        }
        gateway = S3Gateway(store: store, clock: clock, wallClock: wallClock, random: random, logger: logger)
        workspaces = try FileWorkspaces(
            root: folder.path + "/temp", process: id.description,
            reserveBytes: Int64(configuration.integer("http.spoolReserveBytes")))
    }

    /// Removes what belongs to this process only, and lets go of the database.
    func stop() async {
        workspaces.removeOwn()
        await aws?.http.shutdown()
        database.stop()
    }
}
