import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
import Transport

/// `anb backup FOLDER`: the database of one moment, and every object that it refers to.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write the database of one moment, and every object that it refers to, into a folder.",
        discussion: """
            Nodes may run meanwhile. The folder must not exist, or be empty; it is complete when it has a \
            manifest.json. Of an installation with a data folder the keys of tokens and links are part of it: keep it \
            as you keep those. Exit code 1 when an object is missing that the database refers to.
            """)

    @Argument(help: "Where to.") var folder: String
    @OptionGroup var options: OperatorOptions

    func run() async throws {
        _ = try options.videos(0...0)
        try await OperatorSession.run(options) { session in
            do {
                let manifest = try await Backup(session: session, folder: folder).make()
                try options.show(
                    .object([
                        "folder": .text(folder), "users": .number(Double(manifest.users)),
                        "videos": .number(Double(manifest.videos)), "votes": .number(Double(manifest.votes)),
                        "objects": .number(Double(manifest.objects.count)),
                        "bytes": .number(Double(manifest.objects.reduce(0) { $0 + $1.sizeBytes })),
                    ]),
                    text: """
                        \(folder): \(manifest.users) users, \(manifest.videos) videos, \(manifest.votes) votes, \
                        \(manifest.objects.count) objects of \(manifest.objects.reduce(0) { $0 + $1.sizeBytes } / 1_000_000) MB
                        """)
            } catch let failure as BackupFailure {
                StandardError.write("anb: no backup: \(failure)")
                throw OperatorExit.negative
            }
        }
    }
}

private struct Backup {
    let session: OperatorSession
    let folder: String

    /// Transfers at once.
    private static let parallel = 4

    func make() async throws -> BackupManifest {
        try prepare()
        let (folder, session) = (folder, session)
        let store = try session.store()
        let collected = Collected()
        // The dump is of the very moment that the keys were read at.
        try await session.service.client.moment { moment, snapshot in
            try await PostgresTools(configuration: session.service.configuration).run(
                "pg_dump",
                ["--format=custom", "--snapshot=\(snapshot)", "--file=\(folder)/\(BackupManifest.dumpName)"])
            await collected.set(moment)
        }
        guard let moment = await collected.moment else { throw BackupFailure("the database told nothing") }
        let (objects, gone) = try await copy(moment.objects, from: store)
        if session.configuration.isSelfContained { try copySecrets() }
        guard let dump = BackupManifest.hash(ofFile: "\(folder)/\(BackupManifest.dumpName)") else {
            throw BackupFailure("the dump cannot be read back")
        }
        let manifest = BackupManifest(
            format: BackupManifest.format, createdAt: Date(), dumpSHA256: dump, schema: moment.schema,
            users: moment.users,
            videos: moment.videos, votes: moment.votes,
            rankingSHA256: BackupManifest.hash(ofRanking: moment.ranking), objects: objects, deletedMeanwhile: gone)
        try manifest.write(folder)
        return manifest
    }

    private actor Collected {
        private(set) var moment: DatabaseMoment?
        func set(_ moment: DatabaseMoment) { self.moment = moment }
    }

    private func prepare() throws {
        let manager = FileManager.default
        if let names = try? manager.contentsOfDirectory(atPath: folder), !names.isEmpty {
            throw BackupFailure("\(folder) is not empty: a backup gets a folder of its own")
        }
        try manager.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // Passwords' hashes and people's addresses: for its owner alone, also where the folder was there.
        guard chmod(folder, 0o700) == 0 else {
            throw BackupFailure("\(folder): \(String(cString: strerror(errno)))")
        }
        try manager.createDirectory(
            atPath: "\(folder)/\(BackupManifest.objectsName)", withIntermediateDirectories: true)
    }

    /// - Returns: what was copied, by key, and the keys of videos that were deleted meanwhile.
    private func copy(_ objects: [ObjectKey: String], from store: any ObjectStore) async throws
        -> ([BackupManifest.Object], [String])
    {
        let keys = objects.keys.sorted()
        return try await withThrowingTaskGroup(of: (ObjectKey, BackupManifest.Object?).self) { group in
            var next = 0
            func add() {
                guard next < keys.count else { return }
                let (key, type) = (keys[next], objects[keys[next]] ?? "application/octet-stream")
                next += 1
                group.addTask { (key, try await copy(key, type, from: store)) }
            }
            for _ in 0..<Self.parallel { add() }
            var copied: [BackupManifest.Object] = []
            var gone: [String] = []
            while let (key, object) = try await group.next() {
                if let object { copied.append(object) } else { gone.append(key.name) }
                add()
            }
            return (copied.sorted { $0.key < $1.key }, gone.sorted())
        }
    }

    private func copy(_ key: ObjectKey, _ contentType: String, from store: any ObjectStore) async throws
        -> BackupManifest.Object?
    {
        let path = "\(folder)/\(BackupManifest.objectsName)/\(key.name)"
        try FileManager.default.createDirectory(
            atPath: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]), withIntermediateDirectories: true)
        // A local store gives a link: the backup must not share its file with what lives.
        let draft = path + ".part"
        defer { unlink(draft) }
        do throws(ObjectStoreError) { try await store.fetch(key, into: LocalFile(draft)) } catch {
            guard case .notFound = error else { throw BackupFailure("\(key) cannot be read: \(error)") }
            // The row may be gone since the dump; then nobody misses its object.
            if try await session.videos.orphans(among: [key]) == [key] { return nil }
            throw BackupFailure("\(key) is missing in the store, and its video is not deleted")
        }
        try FileManager.default.copyItem(atPath: draft, toPath: path)
        guard let hash = BackupManifest.hash(ofFile: path) else { throw BackupFailure("\(path) cannot be read back") }
        var status = stat()
        guard stat(path, &status) == 0 else { throw BackupFailure("\(path): \(String(cString: strerror(errno)))") }
        return BackupManifest.Object(
            key: key.name, contentType: contentType, sizeBytes: Int64(status.st_size), sha256: hash)
    }

    private func copySecrets() throws {
        let (source, target) = (
            "\(session.configuration.dataDir)/secret", "\(folder)/\(BackupManifest.secretName)"
        )
        try FileManager.default.createDirectory(
            atPath: target, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for name in try FileManager.default.contentsOfDirectory(atPath: source) where !name.hasPrefix(".") {
            try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: "\(target)/\(name)")
        }
    }
}
