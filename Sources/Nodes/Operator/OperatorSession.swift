import Actors
import ArgumentParser
import Logging
import Transport

/// A command's way to the cluster's database: it joins the data folder as a node does, for as long as the command runs.
struct OperatorSession: Sendable {
    let id: NodeID
    let configuration: NodeConfiguration
    let operations: PostgresOperations
    let jobs: PostgresJobQueue
    let deadLetters: PostgresJobQueue

    /// - Throws: `ExitCode` after a sentence that says what is wrong.
    static func run(_ options: OperatorOptions, _ body: (OperatorSession) async throws -> Void) async throws {
        let configuration = try options.configuration()
        var logger = Logger(label: "anb")
        logger.logLevel = .error
        let database: DatabaseService
        do {
            let folder = try DataFolder(path: configuration.dataDir)
            database = try await DatabaseService.start(
                configuration, folder: folder, migrates: false, logger: logger)
        } catch let error as NodeFailure where error.exitCode == 64 {
            StandardError.write("anb: \(error)")
            throw ExitCode(64)
        } catch {
            StandardError.write("anb: the database cannot be reached: \(error)")
            throw OperatorExit.unavailable
        }
        defer { database.stop() }
        let clock = SystemClock()
        let session = OperatorSession(
            id: IdentifierSource(random: SystemRandomSource()).make(), configuration: configuration,
            operations: PostgresOperations(client: database.client),
            jobs: PostgresJobQueue(client: database.client, configuration: .jobs, clock: clock),
            deadLetters: PostgresJobQueue(client: database.client, configuration: .deadLetters, clock: clock))
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
