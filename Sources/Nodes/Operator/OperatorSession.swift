import Actors
import ArgumentParser
import Logging
import Transport

/// A command's way to the cluster's database: it joins the data folder as a node does, for as long as the command runs.
struct OperatorSession: Sendable {
    let id: NodeID
    let configuration: NodeConfiguration
    let operations: PostgresOperations
    let videos: any VideoRepository
    let jobs: any JobQueue
    let deadLetters: any JobQueue
    let folder: DataFolder
    let service: DatabaseService
    private let aws: AWSServices?

    /// Where the cluster's objects are.
    func store() throws -> any ObjectStore {
        if let bucket = aws?.store { return bucket }
        let signer = MediaURLSigner(secret: try folder.secret(named: "media", bytes: 32))
        return try FileObjectStore(root: folder.path + "/objects", signer: signer, wallClock: SystemWallClock())
    }

    /// - Throws: `ExitCode` after a sentence that says what is wrong.
    static func run(_ options: OperatorOptions, _ body: (OperatorSession) async throws -> Void) async throws {
        let configuration = try options.configuration()
        var logger = Logger(label: "anb")
        logger.logLevel = .error
        let database: DatabaseService
        let aws: AWSServices?
        let folder: DataFolder
        do {
            aws = try AWSServices(configuration, logger: logger)
            folder = try DataFolder(path: configuration.dataDir)
            database = try await DatabaseService.start(
                configuration, folder: folder, migrates: false, logger: logger)
        } catch let error as NodeFailure where error.exitCode == 64 {
            StandardError.write("anb: \(error)")
            throw ExitCode(64)
        } catch {
            StandardError.write("anb: the database cannot be reached: \(error)")
            throw OperatorExit.unavailable
        }
        let clock = SystemClock()
        let id: NodeID = IdentifierSource(random: SystemRandomSource()).make()
        let session = OperatorSession(
            id: id, configuration: configuration, operations: PostgresOperations(client: database.client),
            videos: PostgresVideoRepository(client: database.client, node: id),
            jobs: aws?.jobs ?? PostgresJobQueue(client: database.client, configuration: .jobs, clock: clock),
            deadLetters: aws?.deadLetters
                ?? PostgresJobQueue(client: database.client, configuration: .deadLetters, clock: clock),
            folder: folder, service: database, aws: aws)
        do {
            try await use(session, body)
            await aws?.http.shutdown()
            database.stop()
        } catch {
            await aws?.http.shutdown()
            database.stop()
            throw error
        }
    }

    /// Tells what did not answer.
    private static func use(
        _ session: OperatorSession, _ body: (OperatorSession) async throws -> Void
    ) async throws {
        do {
            try await body(session)
        } catch let error as RepositoryError {
            StandardError.write("anb: the database does not answer: \(error)")
            throw OperatorExit.unavailable
        } catch let error as JobQueueError {
            StandardError.write("anb: the queue does not answer: \(error)")
            throw OperatorExit.unavailable
        }
    }
}
