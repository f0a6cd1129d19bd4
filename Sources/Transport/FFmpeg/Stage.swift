import Actors
import Glibc

/// The only folder that media tools write to. What they have left there is theirs: a link, a pipe or a device may bear the
/// name of the file that was asked for. It is moved out, once the tool is dead, and looked at there.
package struct Stage: Sendable {
    package let path: String
    private let workspace: Workspace

    package init(in workspace: Workspace) throws(TranscodeError) {
        self.workspace = workspace
        path = workspace.file("stage").path
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw .failed(detail: "\(path): \(String(cString: strerror(errno)))")
        }
    }

    package func file(_ name: String) -> LocalFile { LocalFile("\(path)/\(name)") }

    /// The file in the workspace, where no tool can change it any more.
    package func take(_ name: String) throws(TranscodeError) -> LocalFile {
        let taken = workspace.file(name)
        guard rename(file(name).path, taken.path) == 0 else {
            throw .failed(detail: "\(name) was not made: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard lstat(taken.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            unlink(taken.path)
            throw .failed(detail: "\(name) is no file")
        }
        return taken
    }
}
