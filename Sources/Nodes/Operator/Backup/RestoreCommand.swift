import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
import Transport

/// `anb restore FOLDER`: a backup, into an empty database and an empty store.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Bring a backup into an empty database and an empty store.",
        discussion: """
            No node may run. The backup is checked before anything is written, and afterwards the database's counts and \
            ranking are compared with it; --verify also reads each object back. Jobs that were under way come from the \
            restored queue; with SQS the Reconciler sends them anew (reconciler.redispatchAfterSeconds).
            """)

    @Argument(help: "The backup.") var folder: String
    @Flag(help: "Read every object back from the store, and compare its hash.") var verify = false
    @OptionGroup var options: OperatorOptions

    func run() async throws {
        _ = try options.videos(0...0)
        do {
            let manifest = try BackupManifest.read(folder)
            try check(manifest)
            try await OperatorSession.run(options) { session in
                try await restore(manifest, session)
                try options.show(
                    .object([
                        "videos": .number(Double(manifest.videos)), "votes": .number(Double(manifest.votes)),
                        "objects": .number(Double(manifest.objects.count)), "verified": .flag(verify),
                    ]),
                    text: """
                        restored: \(manifest.users) users, \(manifest.videos) videos, \(manifest.votes) votes, \
                        \(manifest.objects.count) objects\(verify ? ", each read back" : ""); the ranking is the backup's
                        """)
            }
        } catch let failure as BackupFailure {
            StandardError.write("anb: not restored: \(failure)")
            throw OperatorExit.negative
        }
    }

    private func path(of object: BackupManifest.Object) -> String {
        "\(folder)/\(BackupManifest.objectsName)/\(object.key)"
    }

    /// Before anything is written.
    private func check(_ manifest: BackupManifest) throws(BackupFailure) {
        guard BackupManifest.hash(ofFile: "\(folder)/\(BackupManifest.dumpName)") == manifest.dumpSHA256 else {
            throw BackupFailure("\(BackupManifest.dumpName) is not what the manifest says: the backup is damaged")
        }
        for object in manifest.objects where BackupManifest.hash(ofFile: path(of: object)) != object.sha256 {
            throw BackupFailure("\(path(of: object)) is missing or damaged")
        }
    }

    private func restoreSecrets(to dataDir: String) throws {
        let source = "\(folder)/\(BackupManifest.secretName)"
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: source) else { return }
        let folder = try DataFolder(path: dataDir)
        let target = try folder.subfolder("secret")
        for name in names {
            // By rename: there is a whole key at any moment.
            let draft = "\(target)/.restored"
            unlink(draft)
            try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: draft)
            folder.giveToFolderOwner(draft)
            guard rename(draft, "\(target)/\(name)") == 0 else {
                throw BackupFailure("\(target)/\(name): \(String(cString: strerror(errno)))")
            }
        }
    }

    private func restore(_ manifest: BackupManifest, _ session: OperatorSession) async throws {
        guard manifest.schema <= PostgresMigrator.latest else {
            throw BackupFailure(
                "it is of schema \(manifest.schema), this release knows \(PostgresMigrator.latest): use a newer one")
        }
        let client = session.service.client
        let nodes = try await client.connections(named: DatabaseService.nodeName)
        guard nodes == 0 else {
            throw BackupFailure("nodes run on this database (\(nodes) connections): stop them first")
        }
        let before = try await client.moment()
        guard before.users == 0, before.videos == 0 else {
            throw BackupFailure("the database has \(before.users) users and \(before.videos) videos: it must be empty")
        }
        let store = try session.store()
        try await refuseOthers(manifest, in: store)
        // Objects first: one without a row is only removed, a row without its object is lost work. Keys last, when all
        // else is there. What fails half-way may be repeated.
        for object in manifest.objects { try await put(object, to: store, session) }
        giveObjectsToOwner(session)
        try await client.removeEverything()
        try await PostgresTools(configuration: session.service.configuration).run(
            "pg_restore",
            [
                "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", "--dbname=service=anb",
                "\(folder)/\(BackupManifest.dumpName)",
            ])
        do {
            try await check(manifest, store, client)
        } catch {
            // So that the next try finds the empty database that it asks for.
            try? await client.removeEverything()
            throw error
        }
        if session.configuration.isSelfContained { try restoreSecrets(to: session.configuration.dataDir) }
    }

    private func check(_ manifest: BackupManifest, _ store: any ObjectStore, _ client: PostgresClient) async throws {
        let after = try await client.moment()
        guard
            after.users == manifest.users, after.videos == manifest.videos, after.votes == manifest.votes,
            BackupManifest.hash(ofRanking: after.ranking) == manifest.rankingSHA256
        else { throw BackupFailure("what was restored is not what was backed up: counts or ranking differ") }
        let known = Set(manifest.objects.map(\.key) + manifest.deletedMeanwhile)
        if let missing = after.objects.keys.first(where: { !known.contains($0.name) }) {
            throw BackupFailure("the database refers to \(missing), which the backup has not")
        }
        try await client.removeVideos(of: manifest.deletedMeanwhile.map { ObjectKey($0) })
        if verify { try await compare(manifest, store) }
    }

    /// The store may hold what an earlier try has put there, and nothing else.
    private func refuseOthers(_ manifest: BackupManifest, in store: any ObjectStore) async throws {
        let own = Set(manifest.objects.map(\.key))
        for prefix in [ObjectPrefix.original, .processed] {
            var last: ObjectKey?
            while true {
                let page = try await store.list(prefix, after: last, limit: 1000)
                if let other = page.first(where: { !own.contains($0.key.name) }) {
                    throw BackupFailure("the store has \(other.key), which is not of this backup: it must be empty")
                }
                guard page.count == 1000 else { break }
                last = page.last?.key
            }
        }
    }

    /// Root's restore of another user's installation.
    private func giveObjectsToOwner(_ session: OperatorSession) {
        guard geteuid() == 0 else { return }
        let root = session.folder.path + "/objects"
        session.folder.giveToFolderOwner(root)
        for name in (try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? [] {
            session.folder.giveToFolderOwner("\(root)/\(name)")
        }
    }

    /// A copy is handed over, which a store on the same disk takes by rename.
    private func put(_ object: BackupManifest.Object, to store: any ObjectStore, _ session: OperatorSession)
        async throws
    {
        let temp = try session.folder.subfolder("temp") + "/restore-\(getpid())"
        unlink(temp)
        try FileManager.default.copyItem(atPath: path(of: object), toPath: temp)
        defer { unlink(temp) }
        do {
            try await store.put(LocalFile(temp), at: ObjectKey(object.key), contentType: object.contentType)
        } catch { throw BackupFailure("\(object.key) cannot be stored: \(error)") }
    }

    private func compare(_ manifest: BackupManifest, _ store: any ObjectStore) async throws {
        let temp = "\(FileManager.default.temporaryDirectory.path)/anb-verify-\(UInt64.random(in: .min ... .max))"
        defer { unlink(temp) }
        for object in manifest.objects {
            unlink(temp)
            try await store.fetch(ObjectKey(object.key), into: LocalFile(temp))
            guard BackupManifest.hash(ofFile: temp) == object.sha256 else {
                throw BackupFailure("\(object.key) came back different from the store")
            }
        }
    }
}
