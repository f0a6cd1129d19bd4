import Glibc

/// The folder in which everything of one machine lives. It may be used by any number of processes at once.
///
/// Its lock files are never deleted:
/// - `nodes.lock`: shared by each living node; exclusive for a guardian that stops the server.
/// - `guardian.lock`: exclusive for the guardian, for life.
/// - `server.lock`: exclusive for the server, inherited by each of its processes.
package struct DataFolder: Sendable, Equatable {
    /// Absolute, without symbolic links.
    package let path: String

    package var nodesLockPath: String { path + "/nodes.lock" }
    package var guardianLockPath: String { path + "/guardian.lock" }
    package var serverLockPath: String { path + "/server.lock" }
    /// PostgreSQL's data directory; it exists only when complete.
    package var postgresPath: String { path + "/pg" }
    package var logPath: String { path + "/log" }
    package var guardianLogPath: String { logPath + "/guardian.log" }
    package var postgresLogPath: String { logPath + "/postgres.log" }
    /// The guardian's reason for not starting a server, while it does not.
    var refusalPath: String { logPath + "/refusal.txt" }

    /// Makes the folder and its sub-folders when missing, for its owner alone (0700).
    package init(path: String) throws {
        self.path = try Self.make(path)
        if let kind = try MountTable.fileSystemKind(of: self.path), MountTable.isNetworkFileSystem(kind) {
            throw EmbeddedPostgresError.networkFileSystem(path: self.path, kind: kind)
        }
        guard access(self.path, R_OK | W_OK | X_OK) == 0 else {
            let reason = "\(String(cString: strerror(errno))); run as the user who owns it"
            throw EmbeddedPostgresError.folderUnusable(path: self.path, reason: reason)
        }
        for name in ["log", "secret"] {
            _ = try subfolder(name)
        }
    }

    /// The path of a sub-folder, made (0700) when missing.
    package func subfolder(_ name: String) throws -> String {
        let path = self.path + "/" + name
        if mkdir(path, 0o700) != 0 {
            let code = errno
            guard code == EEXIST else {
                let reason = SystemCallError("mkdir", name, code: code).description
                throw EmbeddedPostgresError.folderUnusable(path: self.path, reason: reason)
            }
        } else {
            giveToFolderOwner(path)
        }
        return path
    }

    /// Opens one of the lock files. Root leaves a file in another user's folder to that user, whose own nodes
    /// could not open it otherwise.
    package func lock(at path: String) throws(SystemCallError) -> FileLock {
        let lock = try FileLock(path: path)
        giveToFolderOwner(path)
        return lock
    }

    /// A descriptor through which clients reach the server's socket however long the folder's path is.
    func openDescriptor() throws(SystemCallError) -> OwnedDescriptor {
        try OwnedDescriptor(opening: path, OwnedDescriptor.directoryName)
    }

    /// What root makes in another user's folder is that user's: their own nodes could not use it otherwise.
    package func giveToFolderOwner(_ path: String) {
        guard geteuid() == 0, let folder = FileIdentity(path: self.path), folder.owner != 0 else { return }
        // A file that stays root's only keeps the owner's own nodes out, and they say so.
        _ = lchown(path, folder.owner, gid_t.max)
    }

    private static func make(_ path: String) throws -> String {
        var made = ""
        let components = path.split(separator: "/")
        for (index, component) in components.enumerated() {
            made += index == 0 && !path.hasPrefix("/") ? String(component) : "/" + component
            if mkdir(made, 0o700) != 0, errno != EEXIST, index == components.count - 1 {
                let reason = SystemCallError("mkdir", made).description
                throw EmbeddedPostgresError.folderUnusable(path: path, reason: reason)
            }
        }
        guard let resolved = realpath(path, nil) else {
            let reason = SystemCallError("realpath", path).description
            throw EmbeddedPostgresError.folderUnusable(path: path, reason: reason)
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
