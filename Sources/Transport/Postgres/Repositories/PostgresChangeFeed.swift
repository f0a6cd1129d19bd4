import Actors

/// NOTIFY without payload, one channel for each kind of change (manual, chapter "NOTIFY").
///
/// The repositories notify `.outbox` and `.videos` within the transactions that change them, which are rare; `.votes`
/// is announced in a transaction of its own, because a NOTIFY in each commit of votes takes half of their throughput.
package struct PostgresChangeFeed: ChangeFeed {
    private let database: PostgresDatabase

    package init(client: PostgresClient) {
        database = PostgresDatabase(client: client)
    }

    /// The first signal comes when the channel is listened to: what is read after it misses nothing.
    package func changes(on channel: ChangeChannel) -> AsyncStream<Void> {
        database.client.notifications(channel: channel.rawValue)
    }

    package func announce(_ channel: ChangeChannel) async throws(RepositoryError) {
        try await database.query(Self.notify, [.text(channel.rawValue)]) { _ in }
    }

    private static let notify = PostgresStatement("notify", "SELECT pg_notify($1, '')")
}
