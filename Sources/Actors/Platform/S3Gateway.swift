import FoundationEssentials
import Logging
import Synchronization

/// Policy over any `ObjectStore`: retries, and signed URLs handed out again until half their life is over.
///
/// Owns the cache of signed URLs. Talked to by UploadCoordinator, TranscodeSupervisor, Reconciler and the routes.
/// Object bytes never cross its isolation: transfers are `nonisolated` and run on the caller's task, so any number of
/// them go on at once. Bounds: `maximumSignedURLs` entries, `maximumTries` of each operation, `RetryQuota` of all. When
/// the store stays away the last error reaches the caller, who decides.
package actor S3Gateway {
    /// An hour, as the owner fixed it.
    package static let signedURLLife: Duration = .seconds(3600)
    package static let maximumSignedURLs = 20_000
    package static let maximumTries = 4

    private nonisolated let store: any ObjectStore
    private nonisolated let clock: any NodeClock
    private nonisolated let wallClock: any WallClock
    private nonisolated let random: any RandomSource
    private nonisolated let logger: Logger
    private nonisolated let quota = Mutex(RetryQuota())
    private var signed: [SignedURLRequest: SignedURL] = [:]

    package init(
        store: any ObjectStore, clock: any NodeClock, wallClock: any WallClock, random: any RandomSource, logger: Logger
    ) {
        self.store = store
        self.clock = clock
        self.wallClock = wallClock
        self.random = random
        self.logger = logger
    }

    // MARK: - Signed URLs

    /// A URL that is good for at least half an hour.
    package func signedURL(for request: SignedURLRequest) async throws(ObjectStoreError) -> String {
        let goodUntil = wallClock.now.addingTimeInterval(Self.signedURLLife.inSeconds / 2)
        if let known = signed[request], known.expiresAt > goodUntil { return known.url }
        let made = try await store.signedURL(for: request, validFor: Self.signedURLLife)
        if signed.count >= Self.maximumSignedURLs { signed.removeAll(keepingCapacity: true) }
        signed[request] = made
        return made.url
    }

    // MARK: - Transfers

    package nonisolated func put(_ file: LocalFile, at key: ObjectKey, contentType: String)
        async throws(ObjectStoreError)
    {
        try await retrying("put", key) { () async throws(ObjectStoreError) in
            try await store.put(file, at: key, contentType: contentType)
        }
    }

    package nonisolated func fetch(_ key: ObjectKey, into file: LocalFile) async throws(ObjectStoreError) {
        try await retrying("fetch", key) { () async throws(ObjectStoreError) in
            try await store.fetch(key, into: file)
        }
    }

    package nonisolated func delete(_ keys: [ObjectKey]) async throws(ObjectStoreError) {
        guard let first = keys.first else { return }
        try await retrying("delete", first) { () async throws(ObjectStoreError) in try await store.delete(keys) }
    }

    /// Removes objects whose row is gone; what cannot be removed is left to the Reconciler.
    package nonisolated func discard(_ keys: [ObjectKey]) async {
        for start in stride(from: 0, to: keys.count, by: 1000) {
            do throws(ObjectStoreError) { try await delete(Array(keys[start..<min(start + 1000, keys.count)])) } catch {
                logger.warning("objects are left to the Reconciler", metadata: ["reason": "\(error)"])
            }
        }
    }

    package nonisolated func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int)
        async throws(ObjectStoreError) -> [ObjectAttributes]
    {
        try await store.list(prefix, after: after, limit: limit)
    }

    package nonisolated func check() async throws(ObjectStoreError) { try await store.check() }

    /// Repeats what may pass (`unavailable`), with full jitter; all operations of the port may be repeated.
    private nonisolated func retrying(
        _ operation: String, _ key: ObjectKey, _ body: () async throws(ObjectStoreError) -> Void
    ) async throws(ObjectStoreError) {
        var backoff = Backoff(base: .milliseconds(200), maximum: .seconds(5), random: random)
        var tries = 1
        while true {
            do {
                try await body()
                let isRetry = tries > 1
                return quota.withLock { $0.succeeded(afterRetry: isRetry) }
            } catch .unavailable(let reason) {
                guard tries < Self.maximumTries, !Task.isCancelled, quota.withLock({ $0.takeOne() }) else {
                    throw .unavailable(reason)
                }
                logger.warning(
                    "object store: \(operation) will be tried again",
                    metadata: ["key": "\(key)", "reason": "\(reason)", "try": "\(tries)"])
                do { try await clock.wait(backoff.next()) } catch { throw .unavailable(reason) }
                tries += 1
            }
        }
    }
}
