import Glibc

/// A log file that other processes append to and that never grows for long beyond its bound: at its opening a
/// large one is put aside as `.1`, and `trim` empties it while it is in use (appending writers do not mind).
struct BoundedLog: ~Copyable {
    let descriptor: OwnedDescriptor
    private let limitBytes: Int

    init(path: String, limitBytes: Int) throws(SystemCallError) {
        self.limitBytes = limitBytes
        var status = stat()
        if lstat(path, &status) == 0, status.st_size > limitBytes / 2 {
            guard rename(path, path + ".1") == 0 else { throw SystemCallError("rename", path) }
        }
        descriptor = try OwnedDescriptor(opening: path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW)
    }

    func trim() {
        var status = stat()
        guard fstat(descriptor.number, &status) == 0, status.st_size > limitBytes else { return }
        _ = ftruncate(descriptor.number, 0)
    }
}
