import Actors

/// The client as the repositories use it: errors sorted for their callers, conflicts repeated.
struct PostgresDatabase: Sendable {
    /// Runs of one transaction that others' locks ended (deadlock_detected, serialization_failure), the first included.
    static let maximumRuns = 4

    let client: PostgresClient

    /// Runs one statement, committed when this returns, and reads its answer.
    func query<Answer>(
        _ statement: PostgresStatement,
        _ parameters: [PostgresValue] = [],
        deadline: Duration? = nil,
        _ read: (PostgresRows) throws(PostgresError) -> Answer,
    ) async throws(RepositoryError) -> Answer {
        do throws(PostgresError) {
            return try read(try await rows(statement, parameters, deadline: deadline))
        } catch {
            throw RepositoryError(error)
        }
    }

    /// For callers to whom some refusals of the server are answers.
    func rows(
        _ statement: PostgresStatement,
        _ parameters: [PostgresValue],
        deadline: Duration? = nil,
    ) async throws(PostgresError) -> PostgresRows {
        var run = 1
        while true {
            do throws(PostgresError) {
                return try await client.query(statement, parameters, deadline: deadline)
            } catch {
                guard error.isConflict, run < Self.maximumRuns else { throw error }
                run += 1
            }
        }
    }

    /// Runs several statements as one transaction; `body` may run more than once.
    nonisolated(nonsending) func transaction<Answer: Sendable>(
        _ isolation: PostgresIsolation = .readCommitted,
        _ body: nonisolated(nonsending) (PostgresTransaction) async throws -> Answer,
    ) async throws(RepositoryError) -> Answer {
        var run = 1
        while true {
            do {
                return try await client.withTransaction(isolation, body)
            } catch let error as PostgresError {
                guard error.isConflict, run < Self.maximumRuns else { throw RepositoryError(error) }
                run += 1
            } catch let error as RepositoryError {
                throw error
            } catch {
                throw .refused("\(error)")
            }
        }
    }
}
