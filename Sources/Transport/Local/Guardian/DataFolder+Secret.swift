import Glibc

extension DataFolder {
    /// The folder's secret of this name: random bytes, made at the first call and the same ever after, in this
    /// and every other process. The file (`secret/NAME`, 0600) is complete and on disk before it gets its
    /// name, and link(2) gives the name once, so of two nodes that start at once both use the winner's.
    ///
    /// - Parameter name: lower-case letters, digits and hyphens.
    /// - Parameter bytes: length, 16 to 1024.
    package func secret(named name: String, bytes: Int) throws -> [UInt8] {
        precondition((16...1024).contains(bytes), "a secret has 16 to 1024 bytes")
        precondition(
            !name.isEmpty && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 },
            "a secret's name has lower-case letters, digits and hyphens"
        )
        let directory = try subfolder("secret")
        let path = directory + "/" + name
        if let existing = try read(secret: path, bytes: bytes) { return existing }

        var generator = SystemRandomNumberGenerator()
        let draft = directory + "/.\(name).\(getpid()).\(UInt64.random(in: .min ... .max, using: &generator))"
        let value = (0..<bytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let owner = FileIdentity(path: self.path).map { ServerAccount(user: $0.owner, group: gid_t.max, name: "") }
        try FileContents.create(draft, value, owner: owner)
        defer { unlink(draft) }
        if link(draft, path) != 0, errno != EEXIST { throw SystemCallError("link", path) }
        try FileContents.syncDirectory(directory)

        guard let agreed = try read(secret: path, bytes: bytes) else {
            throw SystemCallError("open", path, code: ENOENT)
        }
        return agreed
    }

    private func read(secret path: String, bytes: Int) throws -> [UInt8]? {
        guard let value = try FileContents.read(path, limit: 2048) else { return nil }
        guard value.count == bytes else {
            throw EmbeddedPostgresError.secretDamaged(path: path, expectedBytes: bytes, foundBytes: value.count)
        }
        return value
    }
}
