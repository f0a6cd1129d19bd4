import FoundationEssentials
import Glibc
import Logging

/// The making of a cluster: initdb in a folder of its own, the configuration, everything on disk, and only
/// then the name `pg`. Whoever dies on the way leaves a folder that the next attempt sweeps.
struct ClusterCreation {
    enum Progress {
        case running(ClusterCreation)
        case done
    }

    private enum Step {
        case initdb
        case sync
    }

    private let folder: DataFolder
    private let account: ServerAccount
    private let log: CInt
    private let draft: String
    private var step = Step.initdb
    private var child: pid_t

    init(folder: DataFolder, account: ServerAccount, log: borrowing BoundedLog, logger: Logger) throws {
        self.folder = folder
        self.account = account
        self.log = log.descriptor.number
        draft = folder.path + "/pg.new-\(getpid())"
        let installation = try PostgresInstallation.choose(existing: nil)
        try Self.sweep(folder)
        guard mkdir(draft, 0o700) == 0 else { throw SystemCallError("mkdir", draft) }
        if geteuid() == 0, lchown(draft, account.user, account.group) != 0 {
            throw SystemCallError("lchown", draft)
        }
        let directory = try OwnedDescriptor(opening: draft, OwnedDescriptor.directoryName)
        child = try Self.run(
            installation.binaries + "/initdb",
            [
                "-D", directory.path, "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8",
                "--data-checksums", "--auth-local=peer", "--auth-host=reject", "--no-sync", "--no-instructions",
            ],
            in: directory,
            as: account,
            log: self.log
        )
        logger.info("a cluster of PostgreSQL \(installation.major) is made for user \(account.name)")
    }

    /// Looks at the child's end and takes the next step.
    func advance() throws -> Progress {
        guard let exit = ChildExit.poll(child) else { return .running(self) }
        guard exit == .code(0) else { throw ClusterCreationFailure(step: "\(step)", exit: exit) }
        let directory = try OwnedDescriptor(opening: draft, OwnedDescriptor.directoryName)
        switch step {
        case .initdb:
            let owner = FileIdentity(path: folder.path).flatMap { ServerAccount.name(of: $0.owner) }
            let users = [account.name] + (owner.map { [$0] } ?? [])
            try PostgresSettings.write(into: directory.path, account: account, users: users)
            var next = self
            next.step = .sync
            // One syncfs(2) takes a fraction of the time of initdb's thousand fsync(2).
            next.child = try Self.run(
                "/bin/sync",
                ["--file-system", directory.path],
                in: directory,
                as: account,
                log: log
            )
            return .running(next)
        case .sync:
            guard rename(draft, folder.postgresPath) == 0 else { throw SystemCallError("rename", draft) }
            try FileContents.syncDirectory(folder.path)
            return .done
        }
    }

    func abandon() {
        kill(child, SIGKILL)
        _ = ChildExit.poll(child, wait: true)
        // What its own children still write is swept by the next guardian.
        try? FileManager.default.removeItem(atPath: draft)
    }

    private static func run(
        _ program: String,
        _ arguments: [String],
        in directory: borrowing OwnedDescriptor,
        as account: ServerAccount,
        log: CInt
    ) throws -> pid_t {
        var child = GuardianChild(account: account, deathSignal: "KILL", log: log)
        child.program = program
        child.arguments = arguments
        child.inherited = [directory.number]
        return try child.start()
    }

    private static func sweep(_ folder: DataFolder) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasPrefix("pg.new-") {
            try FileManager.default.removeItem(atPath: folder.path + "/" + name)
        }
    }
}

struct ClusterCreationFailure: Error, CustomStringConvertible {
    let step: String
    let exit: ChildExit

    var description: String { "\(step) ended with \(exit); its output is in the server's log" }
}
