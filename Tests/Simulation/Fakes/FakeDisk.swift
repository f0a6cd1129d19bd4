import Actors

/// One process's temporary files; counts the workspaces that nobody discarded.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class FakeDisk: Workspaces, @unchecked Sendable {
    private let node: SimulatedNode
    private var nextNumber = 1
    var files: [LocalFile: Content] = [:]
    /// Workspaces made and not discarded.
    package private(set) var openWorkspaces: [Workspace] = []
    package var isFull = false

    package init(_ node: SimulatedNode) {
        self.node = node
    }

    package func make() async throws(WorkspaceError) -> Workspace {
        if isFull { throw .full }
        let workspace = Workspace(path: "temp/\(node.name)/\(nextNumber)")
        nextNumber += 1
        openWorkspaces.append(workspace)
        return workspace
    }

    package func check() async throws(WorkspaceError) {
        if isFull { throw .full }
    }

    package func discard(_ workspace: Workspace) async {
        openWorkspaces.removeAll { $0 == workspace }
        for file in files.keys where file.path.hasPrefix(workspace.path + "/") { files[file] = nil }
    }

    package func sweep() async {}

    package func spool(_ name: String, in workspace: Workspace) async throws(WorkspaceError) -> any SpoolWriter {
        FakeSpool(workspace.file(name), on: self)
    }
}

/// Counts an upload's bytes; its digest is not that of the bytes.
///
/// Proof of `@unchecked Sendable`: used by one task, on the simulation's thread.
final class FakeSpool: SpoolWriter, @unchecked Sendable {
    private let file: LocalFile
    private let disk: FakeDisk
    private var sizeBytes: Int64 = 0

    init(_ file: LocalFile, on disk: FakeDisk) {
        self.file = file
        self.disk = disk
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(WorkspaceError) {
        if disk.isFull { throw .full }
        sizeBytes += Int64(bytes.count)
    }

    func finish() throws(WorkspaceError) -> SpooledFile {
        disk.files[file] = Content(video: nil, sizeBytes: sizeBytes)
        return SpooledFile(file: file, sizeBytes: sizeBytes, sha256: String(repeating: "0", count: 64))
    }
}
