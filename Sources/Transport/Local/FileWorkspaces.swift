import Actors
import Crypto
import Glibc
import Synchronization

/// Temporary files in `temp/{process}/`, whose lock is held while the process lives.
///
/// Only folders whose lock is free are swept, so that no living process loses its files and no dead one leaves any.
package final class FileWorkspaces: Workspaces {
    private let root: String
    private let own: String
    private let lock: Int32
    private let reserveBytes: Int64
    private let counter = Atomic<Int>(0)

    /// - Parameters:
    ///   - root: the data folder's `temp`; made when absent.
    ///   - process: a name no other process uses, such as the node's id.
    ///   - reserveBytes: the least free space that is left on the disk; below it nothing is spooled.
    package init(root: String, process: String, reserveBytes: Int64) throws(WorkspaceError) {
        self.root = root
        self.own = "\(root)/\(process)"
        self.reserveBytes = reserveBytes
        for path in [root, own] where mkdir(path, 0o700) != 0 && errno != EEXIST {
            throw .unavailable("cannot make the folder \(path): \(String(cString: strerror(errno)))")
        }
        lock = try Self.lock(own)
    }

    /// Another process's sweep may take the lock for a moment, or have removed what was just made: again then.
    private static func lock(_ folder: String) throws(WorkspaceError) -> Int32 {
        let path = "\(folder)/lock"
        for _ in 0..<100 {
            mkdir(folder, 0o700)
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { continue }
            var (mine, there) = (stat(), stat())
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &mine) == 0, stat(path, &there) == 0,
                mine.st_ino == there.st_ino
            {
                return descriptor
            }
            close(descriptor)
            usleep(5000)
        }
        throw .unavailable("cannot lock \(path): \(String(cString: strerror(errno)))")
    }

    deinit { close(lock) }

    package func make() async throws(WorkspaceError) -> Workspace {
        guard hasRoom else { throw .full }
        let path = "\(own)/\(counter.add(1, ordering: .relaxed).newValue)"
        guard mkdir(path, 0o700) == 0 else { throw Self.failure("make the folder \(path)") }
        return Workspace(path: path)
    }

    package func check() async throws(WorkspaceError) {
        guard hasRoom else { throw .full }
    }

    package func discard(_ workspace: Workspace) async { Self.remove(workspace.path) }

    package func sweep() async {
        for name in Self.names(in: root) {
            let folder = "\(root)/\(name)"
            guard folder != own else { continue }
            let descriptor = open("\(folder)/lock", O_RDWR | O_CLOEXEC)
            // A folder without its lock is one whose process has just made it, or half removed.
            if descriptor < 0 {
                if errno == ENOENT, Self.isOlderThanAMinute(folder) { Self.remove(folder) }
                continue
            }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { Self.remove(folder) }
            close(descriptor)
        }
    }

    /// Removes this process's folder; nothing of it may be in use.
    package func removeOwn() { Self.remove(own) }

    package func spool(_ name: String, in workspace: Workspace) async throws(WorkspaceError) -> any SpoolWriter {
        guard hasRoom else { throw .full }
        return try FileSpoolWriter(file: workspace.file(name)) { self.hasRoom }
    }

    private var hasRoom: Bool {
        var status = statvfs()
        guard statvfs(root, &status) == 0 else { return true }
        return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize)) >= reserveBytes
    }

    fileprivate static func failure(_ action: String) -> WorkspaceError {
        let code = errno
        if code == ENOSPC || code == EDQUOT { return .full }
        return .unavailable("cannot \(action): \(String(cString: strerror(code)))")
    }

    private static func isOlderThanAMinute(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && time(nil) - status.st_mtim.tv_sec > 60
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}

/// An upload on its way to disk, hashed as it comes.
///
/// Proof of `@unchecked Sendable`: `SpoolWriter` is used by one task only, the upload's own; it is a class so that the
/// port can hand it from the coordinator to the source and back.
private final class FileSpoolWriter: SpoolWriter, @unchecked Sendable {
    private let file: LocalFile
    private let hasRoom: @Sendable () -> Bool
    private var descriptor: Int32
    private var hash = SHA256()
    private var size: Int64 = 0
    private var nextLook: Int64 = bytesBetweenLooks

    /// Many uploads at once together must not use up the reserve, so each looks again as it grows.
    private static let bytesBetweenLooks: Int64 = 8 << 20

    init(file: LocalFile, hasRoom: @escaping @Sendable () -> Bool) throws(WorkspaceError) {
        self.file = file
        self.hasRoom = hasRoom
        descriptor = open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileWorkspaces.failure("make \(file.path)") }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(WorkspaceError) {
        hash.update(bufferPointer: bytes)
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileWorkspaces.failure("write \(file.path)")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        size += Int64(bytes.count)
        guard size >= nextLook else { return }
        nextLook = size + Self.bytesBetweenLooks
        guard hasRoom() else { throw .full }
    }

    func finish() throws(WorkspaceError) -> SpooledFile {
        guard close(descriptor) == 0 else {
            descriptor = -1
            throw FileWorkspaces.failure("close \(file.path)")
        }
        descriptor = -1
        let digest = hash.finalize().map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }
        return SpooledFile(file: file, sizeBytes: size, sha256: digest.joined())
    }
}
