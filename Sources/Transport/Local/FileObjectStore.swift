import Actors
import FoundationEssentials
import Glibc

/// Objects as files of a folder: atomic by rename, durable by fsync of file and folder.
///
/// Blocking file calls run on the caller's thread: a rename and two fsyncs are short, and bytes are copied only when
/// file and store are on different disks, in pieces between which the task yields.
package struct FileObjectStore: ObjectStore {
    private let root: String
    private let signer: MediaURLSigner
    private let wallClock: any WallClock

    /// - Parameter root: the data folder's `objects`; made when absent.
    package init(root: String, signer: MediaURLSigner, wallClock: any WallClock) throws(ObjectStoreError) {
        self.root = root
        self.signer = signer
        self.wallClock = wallClock
        for folder in [""] + ObjectPrefix.allCases.map({ "/" + $0.rawValue.dropLast() }) {
            guard mkdir(root + folder, 0o700) == 0 || errno == EEXIST else {
                throw .rejected("cannot make the folder \(root + folder): \(String(cString: strerror(errno)))")
            }
        }
        removeOldParts()
    }

    /// What a process that died left of a copy from another disk; one under way is touched all the time.
    private func removeOldParts() {
        let folder = "\(root)/\(ObjectPrefix.temp.rawValue)"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            var status = stat()
            guard stat(folder + name, &status) == 0, time(nil) - status.st_mtim.tv_sec > Self.oldestPartSeconds else {
                continue
            }
            unlink(folder + name)
        }
    }

    private static let oldestPartSeconds = 3600

    /// Where the object's bytes are; nil for a key that this system does not make.
    package func path(of key: ObjectKey) -> String? {
        let parts = key.name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, ObjectPrefix(rawValue: parts[0] + "/") != nil, !parts[1].isEmpty,
            parts[1].first != ".", parts[1].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else { return nil }
        return "\(root)/\(key.name)"
    }

    package func put(_ file: LocalFile, at key: ObjectKey, contentType: String) async throws(ObjectStoreError) {
        let target = try validPath(of: key)
        // Consumed by an earlier try whose end failed: the object is there, and only its folder is to be made durable.
        if access(file.path, F_OK) != 0, errno == ENOENT, access(target, F_OK) == 0 {
            return try Self.synchroniseFolder(of: target)
        }
        try Self.synchronise(file.path)
        if rename(file.path, target) != 0 {
            guard errno == EXDEV else { throw Self.failure("store \(key)") }
            // Another disk: copied beside the target first, so that the object is whole or absent.
            let part = "\(root)/\(ObjectPrefix.temp.rawValue)\(UUID().uuidString.lowercased())"
            do {
                try await Self.copy(file.path, to: part)
                try Self.synchronise(part)
            } catch {
                unlink(part)
                throw error
            }
            guard rename(part, target) == 0 else {
                let failure = Self.failure("store \(key)")
                unlink(part)
                throw failure
            }
            unlink(file.path)
        }
        try Self.synchroniseFolder(of: target)
    }

    private static func synchroniseFolder(of path: String) throws(ObjectStoreError) {
        try synchronise(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
    }

    package func fetch(_ key: ObjectKey, into file: LocalFile) async throws(ObjectStoreError) {
        let source = try validPath(of: key)
        if link(source, file.path) == 0 { return }
        switch errno {
        case ENOENT: throw .notFound(key)
        case EXDEV, EPERM, EMLINK:
            do { try await Self.copy(source, to: file.path) } catch {
                // A repetition makes it anew.
                unlink(file.path)
                throw error
            }
        default: throw Self.failure("fetch \(key)")
        }
    }

    package func attributes(of key: ObjectKey) async throws(ObjectStoreError) -> ObjectAttributes? {
        try Self.attributes(of: key, at: validPath(of: key))
    }

    package func delete(_ keys: [ObjectKey]) async throws(ObjectStoreError) {
        for key in keys {
            let path = try validPath(of: key)
            guard unlink(path) == 0 || errno == ENOENT else { throw Self.failure("delete \(key)") }
        }
    }

    package func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectStoreError)
        -> [ObjectAttributes]
    {
        let folder = "\(root)/\(prefix.rawValue)"
        guard let directory = opendir(folder) else { throw Self.failure("list \(prefix.rawValue)") }
        defer { closedir(directory) }
        var keys: [ObjectKey] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(".") { continue }
            let key = ObjectKey(prefix.rawValue + name)
            if let after, key <= after { continue }
            keys.append(key)
        }
        var page: [ObjectAttributes] = []
        for key in keys.sorted().prefix(limit) {
            if let attributes = try Self.attributes(of: key, at: root + "/" + key.name) { page.append(attributes) }
        }
        return page
    }

    package func signedURL(for request: SignedURLRequest, validFor: Duration) async throws(ObjectStoreError)
        -> SignedURL
    {
        let expiresAt = wallClock.now.addingTimeInterval(validFor.inSeconds)
        return SignedURL(url: signer.url(for: request, expiresAt: expiresAt), expiresAt: expiresAt)
    }

    package func check() async throws(ObjectStoreError) {
        guard access(root, R_OK | W_OK | X_OK) == 0 else { throw Self.failure("reach \(root)") }
    }

    // MARK: - Files

    private func validPath(of key: ObjectKey) throws(ObjectStoreError) -> String {
        guard let path = path(of: key) else { throw .rejected("the key \(key) is not one of this system's") }
        return path
    }

    private static func attributes(of key: ObjectKey, at path: String) throws(ObjectStoreError) -> ObjectAttributes? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw failure("look at \(key)")
        }
        let modified = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
        return ObjectAttributes(
            key: key, sizeBytes: Int64(status.st_size), modifiedAt: Date(timeIntervalSince1970: modified))
    }

    /// fsync(2) of a file or folder.
    private static func synchronise(_ path: String) throws(ObjectStoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("write \(path) to disk") }
    }

    private static func copy(_ source: String, to target: String) async throws(ObjectStoreError) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw failure("open \(source)") }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw failure("make \(target)") }
        defer { close(output) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(input, &buffer, buffer.count)
            if count < 0 { throw failure("read \(source)") }
            if count == 0 { return }
            var written = 0
            while written < count {
                let step = buffer[written..<count].withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
                guard step > 0 else { throw failure("copy to \(target)") }
                written += step
            }
            await Task.yield()
            if Task.isCancelled { throw .unavailable("cancelled") }
        }
    }

    private static func failure(_ action: String) -> ObjectStoreError {
        let code = errno
        if code == ENOSPC || code == EDQUOT { return .full }
        return .unavailable("cannot \(action): \(String(cString: strerror(code)))")
    }
}
