import Actors
import FoundationEssentials

/// What a file or an object holds, as far as the simulation cares.
struct Content: Sendable, Equatable {
    /// The video it belongs to; nil for other bytes.
    let video: VideoID?
    let sizeBytes: Int64
    /// Only where a test of the port's contract looks at them.
    var bytes: [UInt8]?
}

/// Objects, whole or absent.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class FakeObjectStore: @unchecked Sendable {
    package let service = Service("store")
    let simulation: Simulation
    /// How long an object's bytes are under way, in nanoseconds.
    var transfer: ClosedRange<Int64> = 20_000_000...3_000_000_000
    private var objects: [ObjectKey: (content: Content, modifiedAt: Int64)] = [:]

    package init(_ simulation: Simulation) {
        self.simulation = simulation
    }

    /// In the order of listings.
    package private(set) var keys: [ObjectKey] = []
    func has(_ key: ObjectKey) -> Bool { objects[key] != nil }
    func content(_ key: ObjectKey) -> Content? { objects[key]?.content }
    func delete(_ gone: [ObjectKey]) {
        for key in gone where objects.removeValue(forKey: key) != nil { keys.removeAll { $0 == key } }
    }

    func put(_ content: Content, at key: ObjectKey) {
        if objects.updateValue((content, simulation.now), forKey: key) == nil {
            keys.insert(key, at: keys.firstIndex { key < $0 } ?? keys.endIndex)
        }
    }

    /// For the trace: the video's, where the key has one.
    func number(of key: ObjectKey) -> UInt64 { key.video?.word ?? 0 }

    func attributes(_ key: ObjectKey) -> ObjectAttributes? {
        objects[key].map {
            ObjectAttributes(
                key: key, sizeBytes: $0.content.sizeBytes, modifiedAt: SimulatedWallClock.date($0.modifiedAt))
        }
    }

    /// The end of an address's life, in virtual nanoseconds by the date of the node that made it.
    static func expiry(of url: String) -> Int64? { url.split(separator: "?").last.flatMap { Int64($0) } }

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
            await link.request(work: transferTime) {
                store.simulation.record("store.put", store.number(of: key), by: link.node, detail: "\(key)")
                // An upload learns its video's id after its bytes.
                store.put(
                    Content(
                        video: content.video ?? key.video, sizeBytes: content.sizeBytes, bytes: content.bytes), at: key)
            })
    }

    package func fetch(_ key: ObjectKey, into file: LocalFile) async throws(ObjectStoreError) {
        let content = try answer(await link.request(work: transferTime) { store.content(key) })
        guard let content else { throw .notFound(key) }
        disk.files[file] = content
    }

    package func attributes(of key: ObjectKey) async throws(ObjectStoreError) -> ObjectAttributes? {
        try answer(await link.request { store.attributes(key) })
    }

    package func delete(_ keys: [ObjectKey]) async throws(ObjectStoreError) {
        try answer(
            await link.request {
                store.simulation.record("store.delete", 0, keys.count, by: link.node, detail: "\(keys.count)")
                store.delete(keys)
            })
    }

    package func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectStoreError)
        -> [ObjectAttributes]
    {
        try answer(await link.request { store.list(prefix, after: after, limit: limit) })
    }

    package func signedURL(for request: SignedURLRequest, validFor: Duration) async throws(ObjectStoreError)
        -> SignedURL
    {
        let end = link.simulation.now + link.node.wallSkew + nanoseconds(validFor)
        return SignedURL(url: "\(request.origin)/\(request.key)?\(end)", expiresAt: SimulatedWallClock.date(end))
    }

    package func check() async throws(ObjectStoreError) { try answer(await link.request {}) }

    private var transferTime: Int64 { link.simulation.tape.nanoseconds(store.transfer, .latency) }

    private func answer<Value>(_ reply: Reply<Value>) throws(ObjectStoreError) -> Value {
        switch reply {
        case .answer(let value): return value
        case .silence: throw .unavailable("no answer")
        case .cancelled: throw .unavailable("cancelled")
        }
    }
}
