import Actors
import FoundationEssentials
import Logging

struct StoreDouble: ObjectStore {
    typealias Failure = ObjectStoreError

    var onPut: @Sendable (ObjectKey) async throws(Failure) -> Void = { _ in }
    var onFetch: @Sendable (ObjectKey) async throws(Failure) -> Void = { _ in }
    var onDelete: @Sendable ([ObjectKey]) async throws(Failure) -> Void = { _ in }
    var onList: @Sendable (ObjectPrefix, ObjectKey?, Int) async throws(Failure) -> [ObjectAttributes] = { _, _, _ in []
    }
    var onSign: @Sendable (SignedURLRequest) async throws(Failure) -> SignedURL = { _ throws(Failure) in
        throw .rejected("nothing is signed")
    }

    func put(_ file: LocalFile, at key: ObjectKey, contentType: String) async throws(Failure) { try await onPut(key) }
    func fetch(_ key: ObjectKey, into file: LocalFile) async throws(Failure) { try await onFetch(key) }
    func attributes(of key: ObjectKey) async throws(Failure) -> ObjectAttributes? { nil }
    func delete(_ keys: [ObjectKey]) async throws(Failure) { try await onDelete(keys) }
    func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(Failure) -> [ObjectAttributes] {
        try await onList(prefix, after, limit)
    }
    func signedURL(for request: SignedURLRequest, validFor: Duration) async throws(Failure) -> SignedURL {
        try await onSign(request)
    }
    func check() async throws(Failure) {}

    func gateway(_ world: World, wallClock: any WallClock = ManualWallClock()) -> S3Gateway {
        S3Gateway(
            store: self, clock: world.clock, wallClock: wallClock, random: SeededRandom(), logger: .quiet)
    }
}

struct QueueDouble: JobQueue {
    typealias Failure = JobQueueError

    var onSend: @Sendable ([OutgoingMessage]) async throws(Failure) -> Void = { _ in }
    var onReceive: @Sendable () async throws(Failure) -> [ReceivedMessage] = { [] }
    var onExtend: @Sendable (Receipt) async throws(Failure) -> Void = { _ in await Task.yield() }
    var onDelete: @Sendable (Receipt) async throws(Failure) -> Void = { _ in }

    func send(_ messages: [OutgoingMessage]) async throws(Failure) { try await onSend(messages) }
    func receive(maximum: Int, visibility: Duration, wait: Duration) async throws(Failure) -> [ReceivedMessage] {
        try await onReceive()
    }
    func extend(_ receipt: Receipt, visibility: Duration) async throws(Failure) { try await onExtend(receipt) }
    func delete(_ receipt: Receipt) async throws(Failure) { try await onDelete(receipt) }
    func depth() async throws(Failure) -> QueueDepth { QueueDepth(visible: 0, inFlight: 0, delayed: 0) }
}

struct WorkspacesDouble: Workspaces {
    let journal: Journal
    var spoolBytes: Int64 = 10
    var isFull = false

    func make() async throws(WorkspaceError) -> Workspace {
        if isFull { throw .full }
        await journal.note("workspace made")
        return Workspace(path: "/w")
    }
    func check() async throws(WorkspaceError) {
        if isFull { throw .full }
    }
    func discard(_ workspace: Workspace) async { await journal.note("workspace discarded") }
    func sweep() async {}
    func spool(_ name: String, in workspace: Workspace) async throws(WorkspaceError) -> any SpoolWriter {
        SpoolDouble(file: workspace.file(name), sizeBytes: spoolBytes)
    }
}

final class SpoolDouble: SpoolWriter {
    private let spooled: SpooledFile

    init(file: LocalFile, sizeBytes: Int64) {
        spooled = SpooledFile(file: file, sizeBytes: sizeBytes, sha256: "00")
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(WorkspaceError) {}
    func finish() throws(WorkspaceError) -> SpooledFile { spooled }
}

struct SourceDouble: UploadSource {
    var onDeliver: @Sendable () async throws(UploadError) -> String = { "Mi mejor triple" }

    func deliver(to spool: any SpoolWriter, maximumBytes: Int64) async throws(UploadError) -> String {
        try await onDeliver()
    }
}

struct ProbeDouble: MediaProbe {
    var result: Result<MediaDescription, MediaProbeError> = .success(
        MediaDescription(container: .mov, width: 1920, height: 1080, duration: .seconds(20)))

    func probe(_ file: LocalFile) async throws(MediaProbeError) -> MediaDescription { try result.get() }
}

struct TranscoderDouble: Transcoder {
    /// Else the clip waits for memory for ever.
    var begins = true
    var onTranscode: @Sendable (@escaping @Sendable (Int) -> Void) async throws(TranscodeError) -> Void = { _ in }

    func transcode(_ source: LocalFile, in workspace: Workspace, progress: @escaping @Sendable (Int) -> Void)
        async throws(TranscodeError) -> TranscodedClip
    {
        if begins { progress(0) }
        try await onTranscode(progress)
        return TranscodedClip(
            video: workspace.file("clip.mp4"), poster: workspace.file("clip.jpg"), duration: .seconds(30),
            sizeBytes: 100)
    }
}
