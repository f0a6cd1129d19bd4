/// A folder of one job's or one upload's own, on the node's disk.
package struct Workspace: Sendable, Hashable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    package func file(_ name: String) -> LocalFile { LocalFile("\(path)/\(name)") }
}

package enum WorkspaceError: Error, Sendable, Equatable {
    /// No room (or less than the reserve): nothing is left behind.
    case full
    case unavailable(String)
}

/// The port to the node's temporary files. What a dead process left is swept by the others.
package protocol Workspaces: Sendable {
    func make() async throws(WorkspaceError) -> Workspace
    /// Whether there is room for one.
    func check() async throws(WorkspaceError)
    /// Removes the folder and all in it; safe to repeat.
    func discard(_ workspace: Workspace) async
    /// Removes the folders of processes that live no more.
    func sweep() async
    /// Opens a new file in the workspace for one upload.
    func spool(_ name: String, in workspace: Workspace) async throws(WorkspaceError) -> any SpoolWriter
}

/// Where an upload's bytes go, and what was learnt on the way. Used by one task.
package protocol SpoolWriter: AnyObject, Sendable {
    /// Returns when the bytes are handed to the operating system: the caller's reading waits meanwhile.
    func write(_ bytes: UnsafeRawBufferPointer) throws(WorkspaceError)
    /// Closes the file.
    func finish() throws(WorkspaceError) -> SpooledFile
}

package struct SpooledFile: Sendable, Equatable {
    package let file: LocalFile
    package let sizeBytes: Int64
    /// Lower-case hexadecimal.
    package let sha256: String

    package init(file: LocalFile, sizeBytes: Int64, sha256: String) {
        self.file = file
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
    }
}
