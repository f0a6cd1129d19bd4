import Actors
import FoundationEssentials

/// The fakes of one simulated world without faults, for tests of the ports' contracts.
package struct LivePorts: Sendable {
    package let jobs: any JobQueue
    package let letters: any JobQueue
    package let store: any ObjectStore
    /// Users, videos, votes, idempotency keys, announcements.
    package let database: DatabaseClient
    private let rows: FakeDatabase
    private let node: SimulatedNode
    private let live: LiveSimulation

    /// Runs `body` in a simulation of its own.
    package static func with<Result>(_ body: (LivePorts) async throws -> Result) async rethrows -> Result {
        try await LiveSimulation.with { node, live in try await body(LivePorts(node, live)) }
    }

    private init(_ node: SimulatedNode, _ live: LiveSimulation) {
        let simulation = node.simulation
        let invariants = Invariants(simulation)
        let service = Service("queue")
        let letters = FakeQueue("dlq", simulation, invariants: invariants, service: service, deadLetters: nil)
        let jobs = FakeQueue("jobs", simulation, invariants: invariants, service: service, deadLetters: letters)
        let disk = FakeDisk(node)
        self.node = node
        self.live = live
        rows = FakeDatabase(simulation, invariants: invariants)
        let objects = FakeObjectStore(simulation)
        // Its tests wait for it.
        objects.transfer = 1_000...100_000
        for service in [rows.service, service, objects.service] { service.conditions.latency = 1_000...100_000 }
        database = DatabaseClient(rows, node)
        self.jobs = QueueClient(jobs, Link(node, service))
        self.letters = QueueClient(letters, Link(node, service))
        store = LiveStore(disk: disk, port: ObjectStoreClient(objects, disk: disk, node))
    }

    /// Virtual time goes on.
    package func elapse(_ duration: Duration) async throws { try await live.elapse(duration, on: node) }

    /// Claims of the video's dispatch.
    package func claims(of video: VideoID) -> Int { rows.videos[video]?.claims ?? 0 }
}

/// Brings real files to the simulated disk and back.
private struct LiveStore: ObjectStore {
    let disk: FakeDisk
    let port: ObjectStoreClient
    /// Between the simulation's epoch and today.
    let shift = Date().timeIntervalSince(SimulatedWallClock.date(0))

    private func dated(_ object: ObjectAttributes) -> ObjectAttributes {
        ObjectAttributes(
            key: object.key, sizeBytes: object.sizeBytes, modifiedAt: object.modifiedAt.addingTimeInterval(shift))
    }

    func put(_ file: LocalFile, at key: ObjectKey, contentType: String) async throws(ObjectStoreError) {
        guard let bytes = readFile(file.path) else { throw .rejected("no file \(file.path)") }
        disk.files[file] = Content(video: nil, sizeBytes: Int64(bytes.count), bytes: bytes)
        try await port.put(file, at: key, contentType: contentType)
    }
    func fetch(_ key: ObjectKey, into file: LocalFile) async throws(ObjectStoreError) {
        try await port.fetch(key, into: file)
        do { try writeFile(disk.files[file]?.bytes ?? [], to: file.path) } catch { throw .unavailable("\(error)") }
    }
    func attributes(of key: ObjectKey) async throws(ObjectStoreError) -> ObjectAttributes? {
        try await port.attributes(of: key).map(dated)
    }
    func delete(_ keys: [ObjectKey]) async throws(ObjectStoreError) { try await port.delete(keys) }
    func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectStoreError)
        -> [ObjectAttributes]
    { try await port.list(prefix, after: after, limit: limit).map(dated) }
    func signedURL(for request: SignedURLRequest, validFor: Duration) async throws(ObjectStoreError) -> SignedURL {
        try await port.signedURL(for: request, validFor: validFor)
    }
    func check() async throws(ObjectStoreError) { try await port.check() }
}
