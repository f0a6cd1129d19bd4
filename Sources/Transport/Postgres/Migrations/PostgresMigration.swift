/// One step of the schema. Steps are only ever added: a released one is never changed.
package struct PostgresMigration: Sendable {
    /// From 1, without gaps.
    let number: Int32
    package let name: String
    package let sql: String

    package static let all: [PostgresMigration] = [accountsAndVideos, votes, localQueue, events, idempotency, throttle]
}
