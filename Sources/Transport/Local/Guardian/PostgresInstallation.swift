import Glibc

/// PostgreSQL's programs, as Debian's packages install them.
package struct PostgresInstallation: Equatable, Sendable {
    /// 14 is the first with `recovery_init_sync_method`, without which a start after a crash takes seconds.
    static let oldestMajor = 14
    package static let root = "/usr/lib/postgresql"

    package let major: Int
    package let binaries: String

    /// - Parameter existing: the major version of the cluster that is to be served, nil before it is made.
    ///   A cluster is served by programs of its own version alone.
    package static func choose(existing: Int?, in root: String = root) throws(Refusal) -> PostgresInstallation {
        let all = installed(in: root)
        if let existing {
            guard let own = all.first(where: { $0.major == existing }) else {
                throw Refusal(
                    "the data folder's cluster is of PostgreSQL \(existing), installed are \(all.map(\.major)): "
                        + "apt-get install postgresql-\(existing), or move the data with pg_upgrade"
                )
            }
            return own
        }
        guard let highest = all.first else {
            throw Refusal("no PostgreSQL \(oldestMajor) or later in \(root)/*/bin: apt-get install postgresql")
        }
        return highest
    }

    /// Usable installations, highest version first.
    private static func installed(in root: String) -> [PostgresInstallation] {
        guard let directory = opendir(root) else { return [] }
        defer { closedir(directory) }
        var found: [PostgresInstallation] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let binaries = "\(root)/\(name)/bin"
            guard let major = Int(name), major >= oldestMajor, access(binaries + "/postgres", X_OK) == 0,
                access(binaries + "/initdb", X_OK) == 0
            else { continue }
            found.append(PostgresInstallation(major: major, binaries: binaries))
        }
        return found.sorted { $0.major > $1.major }
    }
}
