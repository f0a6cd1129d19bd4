import Glibc

/// The operating system's user as whom the server runs.
package struct ServerAccount: Equatable, Sendable {
    package let user: uid_t
    package let group: gid_t
    package let name: String

    init(user: uid_t, group: gid_t, name: String) {
        self.user = user
        self.group = group
        self.name = name
    }

    /// PostgreSQL refuses to run as root, so root's folders are served by the user `postgres`, which Debian's
    /// package makes; any other folder by its owner. A cluster keeps the user who owns it.
    package static func serving(_ folder: DataFolder) throws(Refusal) -> ServerAccount {
        let own = geteuid()
        if own != 0 { return try account(of: own) }
        for path in [folder.postgresPath, folder.path] {
            if let owner = FileIdentity(path: path)?.owner, owner != 0 { return try account(of: owner) }
        }
        guard let postgres = find({ getpwnam_r("postgres", $0, $1, $2, $3) }) else {
            throw Refusal("there is no user postgres to run the server as: apt-get install postgresql")
        }
        return postgres
    }

    static func name(of user: uid_t) -> String? {
        find { getpwuid_r(user, $0, $1, $2, $3) }?.name
    }

    private static func account(of user: uid_t) throws(Refusal) -> ServerAccount {
        guard let found = find({ getpwuid_r(user, $0, $1, $2, $3) }) else {
            throw Refusal("user id \(user) has no entry in the password database, which PostgreSQL needs")
        }
        return found
    }

    private typealias Lookup = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> CInt

    private static func find(_ lookup: Lookup) -> ServerAccount? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { buffer in
            guard lookup(&entry, buffer.baseAddress!, buffer.count, &found) == 0, found != nil else { return nil }
            return ServerAccount(user: entry.pw_uid, group: entry.pw_gid, name: String(cString: entry.pw_name))
        }
    }
}

/// Why the guardian does not start a server: a condition that an operator must change.
package struct Refusal: Error, Equatable {
    package let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}
