import Glibc
import Logging

extension GuardianLoop {
    /// One attempt to start the server, or to make its cluster first.
    func start() {
        do {
            let serverLock = try folder.lock(at: folder.serverLockPath)
            guard try serverLock.tryLock(.exclusive) else {
                removeFormerServer()
                return
            }
            formerServer = nil
            let account = try ServerAccount.serving(folder)
            let name = OwnedDescriptor.directoryName
            guard let directory = try OwnedDescriptor.ifPresent(folder.postgresPath, name) else {
                phase = .creating(try ClusterCreation(folder: folder, account: account, log: log, logger: logger))
                withdrawRefusal()
                return
            }
            try start(in: directory, as: account, holding: serverLock)
            withdrawRefusal()
        } catch let refusal as Refusal {
            refuse(refusal)
        } catch {
            serverEnded("a start failed: \(error)", life: .zero)
        }
    }

    private func start(
        in directory: borrowing OwnedDescriptor,
        as account: ServerAccount,
        holding serverLock: borrowing FileLock
    ) throws {
        guard let version = try FileContents.text(directory.path + "/PG_VERSION"),
            let major = Int(version.prefix { $0.isNumber })
        else {
            throw Refusal("\(folder.postgresPath) has no PG_VERSION, so it is no PostgreSQL cluster: move it away")
        }
        let installation = try PostgresInstallation.choose(existing: major)
        guard let identity = FileIdentity(path: directory.path) else {
            throw SystemCallError("stat", folder.postgresPath)
        }
        // With server.lock in hand no server of a guardian lives.
        if let foreign = ServerProcess.all(in: directory.path).first {
            throw Refusal("process \(foreign.pid) is a PostgreSQL started by hand in \(folder.postgresPath): stop it")
        }
        // Whoever has the process id in it by now is no server of this folder.
        if unlink(directory.path + "/postmaster.pid") != 0, errno != ENOENT {
            throw SystemCallError("unlink", "postmaster.pid")
        }
        let owner = FileIdentity(path: folder.path).flatMap { ServerAccount.name(of: $0.owner) }
        let users = [account.name] + (owner.map { [$0] } ?? [])
        try PostgresSettings.write(into: directory.path, account: account, users: users)

        var child = GuardianChild(account: account, deathSignal: "INT", log: log.descriptor.number)
        child.program = installation.binaries + "/postgres"
        child.arguments = ["-D", directory.path, "-c", "cluster_name=\(ServerProcess.clusterName(of: identity))"]
        // All the server's processes hold the lock by inheritance; the guardian's copy closes on return.
        child.inherited = [directory.number, serverLock.descriptor.number]
        let pid = try child.start()
        logger.info("PostgreSQL \(major) starts as process \(pid), user \(account.name)")
        phase = .up(pid: pid, since: clock.now)
    }

    /// Processes that outlived their guardian or their postmaster hold `server.lock`: end them, ever more firmly.
    func removeFormerServer() {
        let now = clock.now
        var former = formerServer ?? (since: now, removal: FormerServerRemoval())
        let processes = ServerProcess.all(in: folder.postgresPath)
        for order in former.removal.orders(at: now - former.since, processes: processes) {
            logger.warning("former server's process \(order.pid) gets signal \(order.signal)")
            kill(order.pid, order.signal)
        }
        formerServer = former
    }

    func create(_ creation: ClusterCreation) {
        do {
            switch try creation.advance() {
            case .running(let next):
                phase = .creating(next)
            case .done:
                phase = .down(attempt: clock.now)
                start()
            }
        } catch {
            serverEnded("the cluster could not be made: \(error)", life: .zero)
        }
    }
}
