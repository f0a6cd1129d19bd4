import FoundationEssentials
import Glibc
import Testing
import Transport

@Suite("The data folder")
struct DataFolderTests {
    @Test("is made for its owner alone, with its sub-folders, below folders that are missing too")
    func isMade() throws {
        try withTemporaryFolder { root in
            let folder = try DataFolder(path: root + "/a/b")
            for path in [folder.path, folder.logPath, folder.path + "/secret"] {
                var status = stat()
                #expect(stat(path, &status) == 0)
                #expect(status.st_mode & 0o777 == 0o700)
            }
        }
    }

    @Test("two who ask at once for a secret that does not exist get the same one, for ever")
    func secretIsAgreedUpon() async throws {
        let root = FileManager.default.temporaryDirectory.path + "/secret-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let folder = try DataFolder(path: root)
        for round in 0..<20 {
            let values = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for _ in 0..<4 {
                    group.addTask { try DataFolder(path: root).secret(named: "url-\(round)", bytes: 32) }
                }
                return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
            }
            #expect(values.count == 1)
            #expect(try folder.secret(named: "url-\(round)", bytes: 32) == values.first)
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: root + "/secret")
        #expect(files.count == 20)
        var status = stat()
        #expect(stat(root + "/secret/url-0", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test("a secret of another length is reported, never replaced")
    func damagedSecretIsReported() throws {
        try withTemporaryFolder { root in
            let folder = try DataFolder(path: root)
            _ = try folder.secret(named: "jwt", bytes: 32)
            truncate(root + "/secret/jwt", 5)
            let error = #expect(throws: EmbeddedPostgresError.self) { try folder.secret(named: "jwt", bytes: 32) }
            let path = folder.path + "/secret/jwt"
            #expect(error == .secretDamaged(path: path, expectedBytes: 32, foundBytes: 5))
        }
    }

    @Test("a file in its place is named in the error")
    func fileInPlaceIsRefused() throws {
        try withTemporaryFolder { root in
            try FileContents.create(root + "/data", [1])
            let error = #expect(throws: EmbeddedPostgresError.self) { try DataFolder(path: root + "/data") }
            #expect(error?.description.contains(root + "/data") == true)
        }
    }

    @Test("an exclusive lock excludes, a shared one does not, and a copy's end leaves the original's hold")
    func locksExclude() throws {
        try withTemporaryFolder { root in
            let folder = try DataFolder(path: root)
            let first = try folder.lock(at: folder.nodesLockPath)
            #expect(try first.tryLock(.shared))
            do {
                let second = try folder.lock(at: folder.nodesLockPath)
                #expect(try second.tryLock(.shared))
                #expect(try !second.tryLock(.exclusive))
            }
            let third = try folder.lock(at: folder.nodesLockPath)
            #expect(try !third.tryLock(.exclusive))
        }
    }

    private func withTemporaryFolder(_ body: (String) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.path + "/folder-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body(root)
    }
}
