import FoundationEssentials
import Glibc
import Logging
import Testing
import Transport

@Suite("The private PostgreSQL belongs to the folder", .serialized)
struct EmbeddedPostgresTests {
    enum Victim: String, CaseIterable {
        case guardian
        case postmaster
        case both
    }

    @Test("a node in an empty folder gets a server, through the parameters that it is given")
    func firstStart() async throws {
        try await on(try GuardedMachine()) { machine, _ in
            let postgres = EmbeddedPostgres(
                folder: machine.folder,
                executable: GuardedMachine.builtProgram,
                arguments: ["guardian"],
                logger: Logger(label: "test")
            )
            try postgres.join()
            defer { postgres.leave() }
            try await postgres.waitUntilReady(deadline: .now + .seconds(10))
            let host = try #require(postgres.connectionParameters.first { $0.0 == "host" }).1
            #expect(host == "/proc/self/fd/\(postgres.descriptorForChildren)/pg")
            #expect(UnixSocket.accepts(host + "/.s.PGSQL.5432"))
            try await postgres.waitUntilReady(deadline: .now + .seconds(10)) {
                (try? await machine.query("select 1")) == "1"
            }
            #expect(try await machine.query("show listen_addresses") == "")
            #expect(try await machine.query("show fsync") == "on")

            postgres.leave()
            #expect(await eventually(within: .seconds(5)) { machine.isAtRest })
        }
    }

    @Test("four nodes that start at once in an empty folder get one guardian, one cluster and one server")
    func fourAtOnce() async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            for _ in 0..<4 { nodes.append(try machine.startNode()) }
            let started = nodes
            #expect(await eventually(within: .seconds(10)) { started.allSatisfy(\.isReady) }, "\(machine.logs)")
            #expect(await machine.answers(within: .zero))
            #expect(machine.lines(of: machine.folder.guardianLogPath, containing: "begins") == 1)
            #expect(machine.lines(of: machine.folder.guardianLogPath, containing: "a cluster of") == 1)
            #expect(machine.lines(of: machine.folder.guardianLogPath, containing: " starts as process") == 1)
        }
    }

    @Test("what is killed comes back within 10 s, and no committed row is lost", arguments: Victim.allCases)
    func killed(_ victim: Victim) async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            nodes.append(try await machine.startReadyNode())
            nodes.append(try await machine.startReadyNode())
            _ = try await machine.query("create table kept (n int); insert into kept select generate_series(1, 500)")
            let guardian = try #require(machine.guardian)
            let postmaster = try #require(machine.postmaster)

            if victim != .postmaster { kill(guardian, SIGKILL) }
            if victim != .guardian { kill(postmaster, SIGKILL) }

            let isBack = try await eventually(within: .seconds(10)) {
                guard let current = machine.postmaster, current != postmaster else { return false }
                return try await machine.query("select count(*) from kept") == "500"
            }
            #expect(isBack, "\(machine.logs)")
            #expect((machine.guardian == guardian) == (victim == .postmaster))
        }
    }

    @Test("the killed node that had started the guardian takes neither guardian nor server with it")
    func killedNode() async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            let first = try await machine.startReadyNode()
            nodes.append(try await machine.startReadyNode())
            let before = (machine.guardian, machine.postmaster)
            first.end(SIGKILL)
            // Several turns of the guardian and of the other node's watch.
            let begin = ContinuousClock.now
            let isSteady = await eventually(within: .seconds(5)) {
                guard await machine.answers(within: .zero) else { return false }
                return ContinuousClock.now - begin > .seconds(1)
            }
            #expect(isSteady)
            #expect((machine.guardian, machine.postmaster) == before)
        }
    }

    @Test("when the last node ends, guardian and server are gone within 5 s", arguments: [SIGTERM, SIGKILL])
    func lastNode(_ signal: CInt) async throws {
        try await on(try GuardedMachine()) { machine, _ in
            let first = try await machine.startReadyNode()
            let second = try await machine.startReadyNode()
            first.end(signal)
            #expect(await machine.answers(within: .seconds(1)))
            second.end(signal)
            #expect(await eventually(within: .seconds(5)) { machine.isAtRest }, "\(machine.logs)")
        }
    }

    @Test("a closed parent folder and a path of 200 bytes do no harm")
    func closedParentAndLongPath() async throws {
        let place = (0..<4).map { _ in String(repeating: "x", count: 39) }.joined(separator: "/")
        try await on(try GuardedMachine(below: place, rootMode: 0o700)) { machine, nodes in
            #expect(machine.folder.path.utf8.count >= 200)
            nodes.append(try await machine.startReadyNode())
            #expect(await machine.answers(within: .seconds(1)))
        }
    }

    @Test("an ordinary user's node runs the server as that user, who is let in", .enabled(if: geteuid() == 0))
    func unprivileged() async throws {
        try await on(try GuardedMachine(unprivileged: true)) { machine, nodes in
            nodes.append(try await machine.startReadyNode())
            #expect(try await machine.query("select current_user") == "postgres")
            let nobody = try #require(getpwnam("nobody")).pointee.pw_uid
            let postmaster = try #require(machine.postmaster)
            #expect(FileIdentity(path: "/proc/\(postmaster)")?.owner == nobody)
            kill(try #require(machine.guardian), SIGKILL)
            kill(postmaster, SIGKILL)
            #expect(await machine.answers(within: .seconds(10)), "\(machine.logs)")
        }
    }

    @Test("a postmaster.pid that names a living process of the same user does not keep the server down")
    func foreignPid() async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            try await machine.startReadyNode().end(SIGTERM)
            try #require(await eventually(within: .seconds(5)) { machine.isAtRest })
            let account = try ServerAccount.serving(machine.folder)
            let null = try OwnedDescriptor(opening: "/dev/null", O_WRONLY)
            var child = GuardianChild(account: account, deathSignal: "KILL", log: null.number)
            child.program = "/bin/sleep"
            child.arguments = ["60"]
            let foreign = try child.start()
            let file = machine.folder.postgresPath + "/postmaster.pid"
            try FileContents.create(file, Array("\(foreign)\n".utf8), owner: account)

            nodes.append(try await machine.startReadyNode())
            #expect(ChildExit.poll(foreign) == nil, "the foreign process was harmed")
            kill(foreign, SIGKILL)
            _ = ChildExit.poll(foreign, wait: true)
        }
    }

    @Test("a backend that computes on after its postmaster was killed does not hold up the next server")
    func computingOrphan() async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            nodes.append(try await machine.startReadyNode())
            let endless = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b"
            let client = try machine.startQuery(endless, output: machine.root + "/endless")
            let running = "select count(*) from pg_stat_activity where query like '%100000) b' and state = 'active'"
            try #require(await eventually(within: .seconds(5)) { try await machine.query(running) == "1" })
            let postmaster = try #require(machine.postmaster)
            kill(postmaster, SIGKILL)
            let isBack = await eventually(within: .seconds(10)) {
                guard machine.postmaster != postmaster else { return false }
                return await machine.answers(within: .zero)
            }
            #expect(isBack, "\(machine.logs)")
            _ = ChildExit.poll(client, wait: true)
        }
    }

    @Test("a smart stop by somebody else ends in a fresh server although a client stays connected")
    func smartStop() async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            nodes.append(try await machine.startReadyNode())
            let client = try machine.startQuery("select pg_sleep(60)", output: machine.root + "/sleeper")
            let running = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'"
            try #require(await eventually(within: .seconds(5)) { try await machine.query(running) == "1" })
            let postmaster = try #require(machine.postmaster)
            kill(postmaster, SIGTERM)
            let isBack = await eventually(within: .seconds(10)) {
                guard machine.postmaster != postmaster else { return false }
                return await machine.answers(within: .zero)
            }
            #expect(isBack, "\(machine.logs)")
            _ = ChildExit.poll(client, wait: true)
        }
    }

    @Test("a guardian that is told to end is followed by another while a node lives")
    func terminatedGuardian() async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            nodes.append(try await machine.startReadyNode())
            let guardian = try #require(machine.guardian)
            kill(guardian, SIGTERM)
            let isBack = await eventually(within: .seconds(10)) {
                guard machine.guardian != guardian else { return false }
                return await machine.answers(within: .zero)
            }
            #expect(isBack, "\(machine.logs)")
        }
    }

    @Test("guardian and node killed while the cluster is made leave nothing that the next node cannot mend")
    func killedDuringCreation() async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            let first = try machine.startNode()
            func drafts() -> [String] {
                let names = (try? FileManager.default.contentsOfDirectory(atPath: machine.folder.path)) ?? []
                return names.filter { $0.hasPrefix("pg.new-") }
            }
            try #require(await eventually(within: .seconds(5)) { !drafts().isEmpty })
            kill(try #require(machine.guardian), SIGKILL)
            first.end(SIGKILL)
            #expect(access(machine.folder.postgresPath, F_OK) != 0)

            nodes.append(try await machine.startReadyNode())
            #expect(drafts().isEmpty)
            #expect(try await machine.query("show listen_addresses") == "")
        }
    }

    @Test("a cluster that cannot be served is refused with the reason, and served once the reason is gone")
    func refusedCluster() async throws {
        try await on(try GuardedMachine()) { machine, nodes in
            let cluster = machine.folder.postgresPath
            mkdir(cluster, 0o700)
            try FileContents.create(cluster + "/PG_VERSION", Array("9.6\n".utf8))
            let refused = try machine.startNode()
            nodes.append(refused)
            #expect(await eventually(within: .seconds(10)) { refused.said.contains("does not start") })
            #expect(refused.said.contains("apt-get install postgresql-9"), "\(refused.said)")
            unlink(cluster + "/PG_VERSION")
            rmdir(cluster)
            nodes.append(try await machine.startReadyNode())
        }
    }

    /// Runs the body and then ends whatever it has left, also when it throws.
    private func on(
        _ machine: GuardedMachine,
        _ body: (GuardedMachine, inout [Node]) async throws -> Void
    ) async throws {
        var nodes: [Node] = []
        do {
            try await body(machine, &nodes)
        } catch {
            await machine.close(nodes)
            throw error
        }
        await machine.close(nodes)
    }
}
