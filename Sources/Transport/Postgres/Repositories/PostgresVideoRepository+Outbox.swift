import Actors

extension PostgresVideoRepository {
    package func takeOutbox(limit: Int, holdFor duration: Duration) async throws(RepositoryError) -> [OutboxEntry] {
        let parameters: [PostgresValue] = [.int64(Int64(limit)), .microseconds(duration)]
        return try await database.query(DeliveryStatements.takeOutbox, parameters) { rows throws(PostgresError) in
            var entries: [OutboxEntry] = []
            for row in rows {
                guard let destination = OutboxDestination(rawValue: try row.text(1)) else {
                    throw .decoding(column: 1, reason: "no destination of the outbox")
                }
                entries.append(
                    OutboxEntry(
                        id: try row.int64(0), destination: destination,
                        dispatch: Dispatch(video: try row.id(2), number: try row.count(3)),
                        delay: .microseconds(try row.int64(4)), requestID: try row.optionalText(5)))
            }
            return entries
        }
    }

    package func removeOutbox(_ ids: [Int64]) async throws(RepositoryError) {
        guard !ids.isEmpty else { return }
        try await database.query(DeliveryStatements.removeOutbox, [.int64Array(ids)]) { _ in }
    }
}
