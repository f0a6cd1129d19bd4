/// An open transaction, for the body of `PostgresClient.withTransaction`.
///
/// Statements started at the same time run one after the other. After the end of the body, or of the connection, they
/// throw `PostgresError.connectionLost(mayHaveCommitted: false)`.
package struct PostgresTransaction: Sendable {
    private let client: PostgresClient
    private let lease: JobID

    init(client: PostgresClient, lease: JobID) {
        self.client = client
        self.lease = lease
    }

    /// Like `PostgresClient.query`, within the transaction. A statement that fails, is cancelled or misses its deadline
    /// makes the transaction refuse all that follow.
    @discardableResult
    package func query(
        _ statement: PostgresStatement,
        _ parameters: [PostgresValue] = [],
        deadline: Duration? = nil,
    ) async throws(PostgresError) -> PostgresRows {
        try await client.run(
            .statement(statement, PostgresParameters(parameters)), .within(lease), deadline: deadline)
    }

    /// Runs several statements, separated by semicolons, that must not end the transaction.
    package func execute(script: String, deadline: Duration = .seconds(600)) async throws(PostgresError) {
        _ = try await client.run(.script(script), .within(lease), deadline: deadline)
    }
}
