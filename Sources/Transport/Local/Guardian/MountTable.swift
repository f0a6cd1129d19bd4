import Glibc

/// The kind of file system below a path, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)): the number that
/// statfs(2) gives, by its name.
package enum MountTable {
    /// Kinds on which flock(2) does not bind other machines, or on which the server's files are unsafe.
    package static func isNetworkFileSystem(_ kind: String) -> Bool {
        kind == "nfs" || kind == "nfs4" || kind == "cifs" || kind == "smb3" || kind == "fuse.sshfs"
    }

    /// Nil when the table does not list the device (btrfs sub-volumes have devices of their own).
    static func fileSystemKind(of path: String) throws(SystemCallError) -> String? {
        guard let identity = FileIdentity(path: path) else { throw SystemCallError("stat", path) }
        let table = try FileContents.read("/proc/self/mountinfo", limit: 1 << 20) ?? []
        return kind(ofDevice: identity.device, in: String(decoding: table, as: UTF8.self))
    }

    package static func kind(ofDevice device: UInt, in table: String) -> String? {
        // gnu_dev_major and gnu_dev_minor of the C library, which are macros.
        let major = (device >> 8 & 0xfff) | (device >> 32 & ~0xfff)
        let minor = (device & 0xff) | (device >> 12 & ~0xff)
        let wanted = "\(major):\(minor)"
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 2, fields[2] == wanted, let dash = fields.firstIndex(of: "-"),
                dash + 1 < fields.count
            else { continue }
            return String(fields[dash + 1])
        }
        return nil
    }
}
