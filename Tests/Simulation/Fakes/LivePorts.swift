import Actors
import FoundationEssentials

/// The fakes of one simulated world without faults, for tests of the ports' contracts.
package struct LivePorts: Sendable {
    package let jobs: any JobQueue
    package let letters: any JobQueue
    package let store: any ObjectStore
    private let live: LiveSimulation

    /// Runs `body` beside a simulation of its own.
    package static func with<Result>(_ body: (LivePorts) async throws -> Result) async rethrows -> Result {
        let live = LiveSimulation()
        defer { live.stop() }
        return try await body(await live.make { simulation in LivePorts(live, simulation) })
    }

    private init(_ live: LiveSimulation, _ simulation: Simulation) {
        let node = SimulatedNode("client", in: simulation)
        let invariants = Invariants(simulation)
        let service = Service("queue")
        let letters = FakeQueue("dlq", simulation, invariants: invariants, service: service, deadLetters: nil)
        let jobs = FakeQueue("jobs", simulation, invariants: invariants, service: service, deadLetters: letters)
        let disk = FakeDisk(node)
        self.live = live
        self.jobs = LiveQueue(live: live, node: node, port: QueueClient(jobs, Link(node, service)))
        self.letters = LiveQueue(live: live, node: node, port: QueueClient(letters, Link(node, service)))
        store = LiveStore(
            live: live, node: node, disk: disk,
            port: ObjectStoreClient(FakeObjectStore(simulation), disk: disk, node))
    }
}

private struct LiveQueue: JobQueue {
    let live: LiveSimulation
    let node: SimulatedNode
    let port: QueueClient

    func send(_ messages: [OutgoingMessage]) async throws(JobQueueError) {
        try await live.call(on: node) { () throws(JobQueueError) in try await port.send(messages) }
    }
    func receive(maximum: Int, visibility: Duration, wait: Duration) async throws(JobQueueError) -> [ReceivedMessage] {
        try await live.call(on: node) { () throws(JobQueueError) in
            try await port.receive(maximum: maximum, visibility: visibility, wait: wait)
        }
    }
    func extend(_ receipt: Receipt, visibility: Duration) async throws(JobQueueError) {
        try await live.call(on: node) { () throws(JobQueueError) in
            try await port.extend(receipt, visibility: visibility)
        }
    }
    func delete(_ receipt: Receipt) async throws(JobQueueError) {
        try await live.call(on: node) { () throws(JobQueueError) in try await port.delete(receipt) }
    }
    func depth() async throws(JobQueueError) -> QueueDepth {
        try await live.call(on: node) { () throws(JobQueueError) in try await port.depth() }
    }
}

/// Brings real files to the simulated disk and back.
private struct LiveStore: ObjectStore {
    let live: LiveSimulation
    let node: SimulatedNode
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
        try await live.call(on: node) { () throws(ObjectStoreError) in
            disk.files[file] = Content(video: nil, sizeBytes: Int64(bytes.count), bytes: bytes)
            try await port.put(file, at: key, contentType: contentType)
        }
    }
    func fetch(_ key: ObjectKey, into file: LocalFile) async throws(ObjectStoreError) {
        let bytes = try await live.call(on: node) { () throws(ObjectStoreError) -> [UInt8] in
            try await port.fetch(key, into: file)
            return disk.files[file]?.bytes ?? []
        }
        do { try writeFile(bytes, to: file.path) } catch { throw .unavailable("\(error)") }
    }
    func attributes(of key: ObjectKey) async throws(ObjectStoreError) -> ObjectAttributes? {
        try await live.call(on: node) { () throws(ObjectStoreError) in try await port.attributes(of: key) }
            .map(dated)
    }
    func delete(_ keys: [ObjectKey]) async throws(ObjectStoreError) {
        try await live.call(on: node) { () throws(ObjectStoreError) in try await port.delete(keys) }
    }
    func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectStoreError)
        -> [ObjectAttributes]
    {
        try await live.call(on: node) { () throws(ObjectStoreError) in
            try await port.list(prefix, after: after, limit: limit)
        }
        .map(dated)
    }
    func signedURL(for request: SignedURLRequest, validFor: Duration) async throws(ObjectStoreError) -> SignedURL {
        try await live.call(on: node) { () throws(ObjectStoreError) in
            try await port.signedURL(for: request, validFor: validFor)
        }
    }
    func check() async throws(ObjectStoreError) {
        try await live.call(on: node) { () throws(ObjectStoreError) in try await port.check() }
    }
}
