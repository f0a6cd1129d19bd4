import Actors
import FoundationEssentials
import Simulation
import Testing
import Transport

/// What every `ObjectStore` promises, on the local folder and on a server that checks signatures.
@Suite("many machines: the contract of object stores", .serialized)
struct ManyMachinesObjectStores {
    enum Service: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case simulation, folder, seaweedfs

        var testDescription: String { rawValue }
    }

    /// - Parameter folder: for the test's own files.
    private static func withStore(
        _ service: Service, _ body: (_ store: any ObjectStore, _ folder: String) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            switch service {
            case .simulation: try await LivePorts.with { try await body($0.store, folder) }
            case .folder:
                try FileManager.default.createDirectory(
                    atPath: folder + "/objects", withIntermediateDirectories: true)
                try await body(
                    try FileObjectStore(
                        root: folder + "/objects", signer: MediaURLSigner(secret: [UInt8](repeating: 1, count: 32)),
                        wallClock: SystemWallClock()), folder)
            case .seaweedfs: try await LocalAWS.withBucket { try await body($0, folder) }
            }
        }
    }

    private static func file(_ bytes: Int, in folder: String, seed: UInt8 = 1) throws -> (LocalFile, Data) {
        // A prime's length, so that no two blocks of a transfer are equal.
        var state = UInt32(seed)
        let pattern = (0..<65_521).map { _ -> UInt8 in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        var data = Data(capacity: bytes + pattern.count)
        while data.count < bytes { data.append(contentsOf: pattern) }
        data = data.prefix(bytes)
        let path = "\(folder)/\(UInt64.random(in: .min ... .max))"
        try data.write(to: URL(filePath: path))
        return (LocalFile(path), data)
    }

    private static func fetched(_ key: ObjectKey, from store: any ObjectStore, in folder: String) async throws -> Data {
        let target = LocalFile("\(folder)/\(UInt64.random(in: .min ... .max))")
        try await store.fetch(key, into: target)
        return try Data(contentsOf: URL(filePath: target.path))
    }

    private static func key(_ name: String) -> ObjectKey { ObjectKey(ObjectPrefix.original.rawValue + name) }

    @Test(
        "what is put comes back byte for byte, small, in one part, and in several",
        arguments: Service.allCases, [0, 1, 300_000, 16 << 20, (16 << 20) + 1, 25_000_001])
    func roundTrip(service: Service, bytes: Int) async throws {
        try await Self.withStore(service) { store, folder in
            let (file, data) = try Self.file(bytes, in: folder)
            try await store.put(file, at: Self.key("a.mp4"), contentType: "video/mp4")
            let isEqual = try await Self.fetched(Self.key("a.mp4"), from: store, in: folder).elementsEqual(data)
            #expect(isEqual)
            let attributes = try #require(try await store.attributes(of: Self.key("a.mp4")))
            #expect(attributes.sizeBytes == bytes)
            #expect(abs(attributes.modifiedAt.timeIntervalSinceNow) < 60)
        }
    }

    @Test("a put replaces what was there", arguments: Service.allCases)
    func replace(service: Service) async throws {
        try await Self.withStore(service) { store, folder in
            let key = ObjectKey(ObjectPrefix.processed.rawValue + "a.mp4")
            for seed in [UInt8(1), 2] {
                let (file, data) = try Self.file(70_000, in: folder, seed: seed)
                try await store.put(file, at: key, contentType: "video/mp4")
                let isEqual = try await Self.fetched(key, from: store, in: folder).elementsEqual(data)
                #expect(isEqual)
            }
        }
    }

    @Test("what is not there has no attributes, cannot be fetched, and may be deleted", arguments: Service.allCases)
    func absent(service: Service) async throws {
        try await Self.withStore(service) { store, folder in
            let key = Self.key("none.mp4")
            #expect(try await store.attributes(of: key) == nil)
            await #expect(throws: ObjectStoreError.notFound(key)) {
                try await store.fetch(key, into: LocalFile(folder + "/none"))
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/none"))
            try await store.delete([key])
        }
    }

    @Test("a delete removes all its keys and no other", arguments: Service.allCases)
    func delete(service: Service) async throws {
        try await Self.withStore(service) { store, folder in
            let keys = (0..<12).map { Self.key("\($0).mp4") }
            for key in keys {
                try await store.put(try Self.file(10, in: folder).0, at: key, contentType: "video/mp4")
            }
            try await store.delete(Array(keys[..<11]))
            #expect(try await store.list(.original, after: nil, limit: 100).map(\.key) == [keys[11]])
        }
    }

    @Test("a listing pages in key order, within its prefix", arguments: Service.allCases)
    func list(service: Service) async throws {
        try await Self.withStore(service) { store, folder in
            for number in 0..<7 {
                try await store.put(
                    try Self.file(number, in: folder).0, at: Self.key("\(number).mp4"), contentType: "video/mp4")
            }
            let other = ObjectKey(ObjectPrefix.processed.rawValue + "1.mp4")
            try await store.put(try Self.file(1, in: folder).0, at: other, contentType: "video/mp4")
            var seen: [ObjectAttributes] = []
            while true {
                let page = try await store.list(.original, after: seen.last?.key, limit: 3)
                seen += page
                if page.count < 3 { break }
            }
            #expect(seen.map(\.key) == (0..<7).map { Self.key("\($0).mp4") })
            #expect(seen.map(\.sizeBytes) == Array(0..<7))
            #expect(try await store.list(.processed, after: nil, limit: 10).map(\.key) == [other])
        }
    }

    @Test("a cancelled put leaves no object", arguments: Service.allCases)
    func cancelled(service: Service) async throws {
        try await Self.withStore(service) { store, folder in
            let (file, _) = try Self.file(20_000_000, in: folder)
            // A child task, so that it stays in the simulation.
            let isStored = await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        try await store.put(file, at: Self.key("a.mp4"), contentType: "video/mp4")
                        return true
                    } catch { return false }
                }
                group.cancelAll()
                return await group.next() ?? false
            }
            if !isStored { #expect(try await store.attributes(of: Self.key("a.mp4")) == nil) }
            try await store.check()
        }
    }
}

/// What S3 alone does.
@Suite("many machines: S3", .serialized)
struct ManyMachinesS3 {
    private static let key = ObjectKey(ObjectPrefix.processed.rawValue + "clip ñ+&.mp4")

    private static func put(_ store: S3ObjectStore, _ bytes: Int, in folder: String) async throws -> [UInt8] {
        let data = [UInt8](repeating: 7, count: bytes)
        try Data(data).write(to: URL(filePath: folder + "/in"))
        try await store.put(LocalFile(folder + "/in"), at: key, contentType: "video/mp4")
        return data
    }

    @Test("a presigned URL plays for anyone, in ranges, with the type and the name that were asked for")
    func presigned() async throws {
        try await withTemporaryFolder { folder in
            try await LocalAWS.withBucket { store in
                let data = try await Self.put(store, 5000, in: folder)
                let signed = try await store.signedURL(
                    for: SignedURLRequest(
                        key: Self.key, contentType: "video/mp4", downloadName: "clip.mp4", origin: "https://x"),
                    validFor: .seconds(3600))
                #expect(abs(signed.expiresAt.timeIntervalSinceNow - 3600) < 5)
                try await LocalAWS.withHTTP { http in
                    let whole = try await http.send(
                        HTTPClientRequest(url: signed.url), deadline: .seconds(10), maxBodyBytes: 10_000)
                    #expect(whole.status == 200 && whole.body == data)
                    #expect(whole.headers["Content-Type"] == "video/mp4")
                    #expect(whole.headers["Content-Disposition"] == "attachment; filename=\"clip.mp4\"")
                    let part = try await http.send(
                        HTTPClientRequest(url: signed.url, headers: ["Range": "bytes=10-19"]), deadline: .seconds(10),
                        maxBodyBytes: 10_000)
                    #expect(part.status == 206 && part.body.count == 10)
                    let forged = try await http.send(
                        HTTPClientRequest(url: signed.url.replacing("3600", with: "3601")), deadline: .seconds(10),
                        maxBodyBytes: 10_000)
                    #expect(forged.status == 403)
                }
            }
        }
    }

    @Test("a signed URL lives no longer than the credentials that signed it")
    func credentialsLife() async throws {
        try await LocalAWS.withHTTP { http in
            let end = Date().addingTimeInterval(600)
            let credentials = AWSCredentials(
                accessKeyID: "AKIA", secretAccessKey: "s", sessionToken: "t", expiresAt: end)
            let store = S3ObjectStore(
                client: try LocalAWS.client("s3", at: "AWS_ENDPOINT_URL_S3", http: http, credentials: credentials),
                bucket: S3Bucket(name: "b", isPathStyle: true))
            let signed = try await store.signedURL(
                for: SignedURLRequest(key: Self.key, contentType: "video/mp4", origin: ""), validFor: .seconds(3600))
            #expect(signed.expiresAt == end)
            #expect(signed.url.contains("X-Amz-Expires=59") || signed.url.contains("X-Amz-Expires=600"))
        }
    }

    @Test(
        "an original is not written over, and one that is there already is as good as written",
        arguments: [70_000, 21_000_000])
    func once(bytes: Int) async throws {
        try await LocalAWS.withBucket { store in
            try await withTemporaryFolder { folder in
                let key = ObjectKey(ObjectPrefix.original.rawValue + "a.mp4")
                let file = LocalFile(folder + "/file")
                for byte in [UInt8(1), 2] {
                    try Data(repeating: byte, count: bytes).write(to: URL(filePath: file.path))
                    try await store.put(file, at: key, contentType: "video/mp4")
                }
                try Data(repeating: 3, count: bytes + 1).write(to: URL(filePath: file.path))
                await #expect(throws: ObjectStoreError.self) {
                    try await store.put(file, at: key, contentType: "video/mp4")
                }
                let back = LocalFile(folder + "/back")
                try await store.fetch(key, into: back)
                let isFirst = try Data(contentsOf: URL(filePath: back.path)).elementsEqual(
                    Data(repeating: 1, count: bytes))
                #expect(isFirst)
            }
        }
    }

    @Test("a wrong secret is refused, and not tried again as something that passes")
    func wrongSecret() async throws {
        try await LocalAWS.withHTTP { http in
            let wrong = AWSCredentials(
                accessKeyID: try LocalAWS.variable("AWS_ACCESS_KEY_ID"), secretAccessKey: "wrong")
            let store = S3ObjectStore(
                client: try LocalAWS.client("s3", at: "AWS_ENDPOINT_URL_S3", http: http, credentials: wrong),
                bucket: S3Bucket(name: "b", isPathStyle: true))
            do throws(ObjectStoreError) {
                try await store.check()
                Issue.record("a wrong secret was accepted")
            } catch {
                guard case .rejected = error else { throw error }
            }
        }
    }

    @Test("a clock that is off by an hour is learnt from the answer, for requests, parts and downloads")
    func skew() async throws {
        struct WrongClock: WallClock {
            var now: Date { Date().addingTimeInterval(3600) }
        }
        try await withTemporaryFolder { folder in
            try await LocalAWS.withBucket { right in
                try await LocalAWS.withHTTP { http in
                    func store() throws -> S3ObjectStore {
                        S3ObjectStore(
                            client: try LocalAWS.client(
                                "s3", at: "AWS_ENDPOINT_URL_S3", http: http, wallClock: WrongClock()),
                            bucket: S3Bucket(name: S3BucketSettings(right).name, isPathStyle: true))
                    }
                    // Also from a refusal without a body: an idle worker asks nothing else.
                    try await store().check()
                    _ = try await Self.put(try store(), 100, in: folder)
                    _ = try await Self.put(try store(), 20_000_000, in: folder)
                    // A download is repeated by the gateway, once the offset is known.
                    let fresh = try store()
                    await #expect(throws: ObjectStoreError.self) {
                        try await fresh.fetch(Self.key, into: LocalFile(folder + "/out"))
                    }
                    try await fresh.fetch(Self.key, into: LocalFile(folder + "/out"))
                    #expect(try Data(contentsOf: URL(filePath: folder + "/out")).count == 20_000_000)
                }
            }
        }
    }

    @Test("what provisioning sets is what it reads back, twice")
    func settings() async throws {
        try await LocalAWS.withBucket { store in
            let bucket = S3BucketSettings(store)
            #expect(try await bucket.exists())
            #expect(try await bucket.lifecycle().isEmpty)
            for _ in 0..<2 {
                try await bucket.setLifecycle(temporary: "temp/")
                #expect(try await bucket.lifecycle() == ["incomplete uploads 1", "temp/ 1"])
                try await bucket.setEncryption()
                #expect(try await bucket.encryption() == "AES256")
            }
        }
        try await LocalAWS.withHTTP { http in
            let client = try LocalAWS.client("s3", at: "AWS_ENDPOINT_URL_S3", http: http)
            let none = S3ObjectStore(client: client, bucket: S3Bucket(name: "none-such", isPathStyle: true))
            #expect(try await !S3BucketSettings(none).exists())
        }
    }
}
