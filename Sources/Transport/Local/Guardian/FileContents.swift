import Glibc

/// Small whole files, read and written without following a link at the last component.
package enum FileContents {
    /// The first `limit` bytes, or nil when there is no such file.
    static func read(_ path: String, limit: Int = 65_536) throws(SystemCallError) -> [UInt8]? {
        guard let file = try OwnedDescriptor.ifPresent(path, O_RDONLY) else { return nil }
        var bytes = [UInt8](repeating: 0, count: limit)
        var length = 0
        while length < limit {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(file.number, $0.baseAddress! + length, limit - length)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemCallError("read", path)
            }
            if count == 0 { break }
            length += count
        }
        return Array(bytes[..<length])
    }

    package static func text(_ path: String) throws(SystemCallError) -> String? {
        try read(path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Makes `path` (which must not exist) with these bytes, on disk when it returns.
    package static func create(_ path: String, _ bytes: [UInt8], owner: ServerAccount? = nil) throws(SystemCallError) {
        let file = try OwnedDescriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(file.number, $0.baseAddress! + written, bytes.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemCallError("write", path)
            }
            written += count
        }
        if let owner, geteuid() == 0, fchown(file.number, owner.user, owner.group) != 0 {
            throw SystemCallError("fchown", path)
        }
        guard fsync(file.number) == 0 else { throw SystemCallError("fsync", path) }
    }

    /// Replaces the file in one step: a reader sees the former or the latter, never a part. Only one process
    /// at a time may replace a given file.
    static func replace(_ path: String, _ bytes: [UInt8], owner: ServerAccount? = nil) throws(SystemCallError) {
        let draft = path + ".draft"
        unlink(draft)
        try create(draft, bytes, owner: owner)
        guard rename(draft, path) == 0 else { throw SystemCallError("rename", path) }
    }

    /// Puts a directory's entries on disk.
    static func syncDirectory(_ path: String) throws(SystemCallError) {
        let directory = try OwnedDescriptor(opening: path, O_RDONLY | O_DIRECTORY)
        guard fsync(directory.number) == 0 else { throw SystemCallError("fsync", path) }
    }
}

/// Which file a path or descriptor means, whatever it is called.
package struct FileIdentity: Equatable, Sendable {
    let device: UInt
    let inode: UInt
    package let owner: uid_t

    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init(_ status: stat) {
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        owner = status.st_uid
    }

    func isSameFile(as other: FileIdentity) -> Bool {
        device == other.device && inode == other.inode
    }
}
