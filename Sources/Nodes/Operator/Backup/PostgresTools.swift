import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage
import Transport

/// PostgreSQL's own programs, connected as this process is.
struct PostgresTools: Sendable {
    let configuration: PostgresConfiguration

    /// - Throws: `BackupFailure` with the program's last words.
    func run(_ name: String, _ arguments: [String]) async throws {
        let folder = try Self.folder(of: name)
        // A file without a name, so that no password outlives this process, however it ends.
        let draft = "\(FileManager.default.temporaryDirectory.path)/anb-service-\(UInt64.random(in: .min ... .max))"
        let file = try FileDescriptor.open(
            FilePath(draft), .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: .ownerReadWrite)
        defer { try? file.close() }
        unlink(draft)
        try file.writeAll(configuration.serviceFile.utf8)
        let result = try await Subprocess.run(
            .path(FilePath("\(folder)/\(name)")), arguments: Arguments(arguments),
            environment: .inherit.updating([
                "PGSERVICEFILE": "/proc/\(getpid())/fd/\(file.rawValue)", "PGSERVICE": "anb",
            ]),
            input: .none, output: .discarded, error: .string(limit: 1 << 20))
        guard case .exited(0) = result.terminationStatus else {
            let words = result.standardError.split(separator: "\n").suffix(3).joined(separator: "; ")
            throw BackupFailure("\(name) failed (\(result.terminationStatus)): \(words)")
        }
    }

    /// Of the newest server's; else from PATH: a machine beside a database elsewhere has the clients alone.
    private static func folder(of name: String) throws -> String {
        if let installation = try? PostgresInstallation.choose(existing: nil) { return installation.binaries }
        let folders = (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map(String.init)
        guard let folder = folders.first(where: { access("\($0)/\(name)", X_OK) == 0 }) else {
            throw BackupFailure("\(name) is not installed: apt-get install postgresql-client")
        }
        return folder
    }
}
