import Actors
import FoundationEssentials

/// What a file or an object holds, as far as the simulation cares.
struct Content: Sendable, Equatable {
    /// The video it belongs to; nil for other bytes.
    let video: VideoID?
    let sizeBytes: Int64
}

/// Objects, whole or absent.
///
/// Unchecked: touched by the simulation's thread only, see `Simulation`.
package final class FakeObjectStore: @unchecked Sendable {
    package let service = Service("store")
    let simulation: Simulation
    private var objects: [ObjectKey: (content: Content, modifiedAt: Int64)] = [:]

    package init(_ simulation: Simulation) {
        self.simulation = simulation
    }

    package var keys: [ObjectKey] { objects.keys.sorted() }
    func has(_ key: ObjectKey) -> Bool { objects[key] != nil }
    func content(_ key: ObjectKey) -> Content? { objects[key]?.content }
    func put(_ content: Content, at key: ObjectKey) { objects[key] = (content, simulation.now) }
    func delete(_ keys: [ObjectKey]) { for key in keys { objects[key] = nil } }

    func attributes(_ key: ObjectKey) -> ObjectAttributes? {
        objects[key].map {
            ObjectAttributes(
                key: key, sizeBytes: $0.content.sizeBytes, modifiedAt: SimulatedWallClock.date($0.modifiedAt))
        }
    }

    func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) -> [ObjectAttributes] {
        keys.lazy.filter { key in key.name.hasPrefix(prefix.rawValue) && after.map { $0 < key } ?? true }
            .prefix(limit).compactMap(attributes)
    }
}

/// One process's connection to the store, and its disk.
package struct ObjectStoreClient: ObjectStore {
    private let store: FakeObjectStore
    private let disk: FakeDisk
    package let link: Link

    package init(_ store: FakeObjectStore, disk: FakeDisk, _ node: SimulatedNode) {
        self.store = store
        self.disk = disk
        link = Link(node, store.service)
    }

    package func put(_ file: LocalFile, at key: ObjectKey, contentType: String) async throws(ObjectStoreError) {
        guard let content = disk.files[file] else { throw .rejected("no file \(file.path)") }
        try answer(
            await link.request("put", work: transferTime) {
                store.simulation.record("store.put \(key)", by: link.node)
                store.put(content, at: key)
            })
    }

    package func fetch(_ key: ObjectKey, into file: LocalFile) async throws(ObjectStoreError) {
        let content = try answer(await link.request("fetch", work: transferTime) { store.content(key) })
        guard let content else { throw .notFound(key) }
        disk.files[file] = content
    }

    package func attributes(of key: ObjectKey) async throws(ObjectStoreError) -> ObjectAttributes? {
        try answer(await link.request("attributes") { store.attributes(key) })
    }

    package func delete(_ keys: [ObjectKey]) async throws(ObjectStoreError) {
        try answer(
            await link.request("delete") {
                store.simulation.record("store.delete \(keys.count)", by: link.node)
                store.delete(keys)
            })
    }

    package func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectStoreError)
        -> [ObjectAttributes]
    {
        try answer(await link.request("list") { store.list(prefix, after: after, limit: limit) })
    }

    package func signedURL(for request: SignedURLRequest, validFor: Duration) async throws(ObjectStoreError)
        -> SignedURL
    {
        let expiresAt = SimulatedWallClock(link.node).now.addingTimeInterval(validFor.inSeconds)
        return SignedURL(url: "\(request.origin)/\(request.key)", expiresAt: expiresAt)
    }

    package func check() async throws(ObjectStoreError) { try answer(await link.request("check") {}) }

    private var transferTime: Duration {
        link.simulation.tape.duration(.milliseconds(20)...(.seconds(3)), .latency)
    }

    private func answer<Value>(_ reply: Reply<Value>) throws(ObjectStoreError) -> Value {
        switch reply {
        case .answer(let value): return value
        case .silence: throw .unavailable("no answer")
        case .cancelled: throw .unavailable("cancelled")
        }
    }
}
