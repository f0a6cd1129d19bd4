import Actors
import FoundationEssentials
import Testing

struct S3GatewayTests {
    private static let key = ObjectKey("original/a.mp4")

    @Test("a store that is away is asked again, with pauses, up to the number of tries")
    func retries() {
        let world = World()
        let tries = Box(0)
        let store = StoreDouble(onPut: { _ throws(ObjectStoreError) in
            tries.change { $0 += 1 }
            throw .unavailable("503")
        })
        let gateway = store.gateway(world)
        let put = world.start {
            await ending { try await gateway.put(LocalFile("/f"), at: Self.key, contentType: "x/y") }
        }
        #expect(tries.value == 1)
        world.advance(.seconds(30))
        #expect(put.value == .threw(.unavailable("503")))
        #expect(tries.value == S3Gateway.maximumTries)
    }

    @Test("a store that comes back in time serves the call")
    func recovers() {
        let world = World()
        let replies = Replies<Result<Void, ObjectStoreError>>(
            .failure(.unavailable("1")), .failure(.unavailable("2")), .failure(.unavailable("3")), .success(()))
        let gateway = StoreDouble(onFetch: { _ throws(ObjectStoreError) in try replies.next().get() }).gateway(world)
        let fetch = world.start { await ending { try await gateway.fetch(Self.key, into: LocalFile("/f")) } }
        world.advance(.seconds(30))
        #expect(fetch.value == .returned(true))
    }

    @Test(
        "what repeating does not cure is not repeated",
        arguments: [ObjectStoreError.notFound(key), .full, .rejected("403")])
    func noRetry(_ error: ObjectStoreError) throws {
        let world = World()
        let tries = Box(0)
        let gateway = StoreDouble(onDelete: { _ throws(ObjectStoreError) in
            tries.change { $0 += 1 }
            throw error
        }).gateway(world)
        #expect(try world.value { await ending { try await gateway.delete([Self.key]) } } == .threw(error))
        #expect(tries.value == 1)
    }

    @Test("a store that fails everything is in the end asked once a call, and more often again when it works")
    func quota() throws {
        let world = World()
        let tries = Box(0)
        let fails = Box(true)
        let gateway = StoreDouble(onPut: { _ throws(ObjectStoreError) in
            tries.change { $0 += 1 }
            if fails.value { throw .unavailable("503") }
        }).gateway(world)
        func put() {
            world.start { await ending { try await gateway.put(LocalFile("/f"), at: Self.key, contentType: "x/y") } }
            world.advance(.seconds(30))
        }
        for _ in 0..<40 { put() }
        // 500 in the bucket, 5 a repetition: a hundred of them.
        #expect(tries.value == 140)
        fails.change { $0 = false }
        for _ in 0..<5 { put() }
        fails.change { $0 = true }
        tries.change { $0 = 0 }
        put()
        #expect(tries.value == 2)
    }

    @Test("a cancelled caller is not kept by a pause between tries")
    func cancellation() {
        let world = World()
        let gateway = StoreDouble(onPut: { _ throws(ObjectStoreError) in throw .unavailable("503") }).gateway(world)
        let put = world.start {
            await ending { try await gateway.put(LocalFile("/f"), at: Self.key, contentType: "x/y") }
        }
        #expect(!put.isOver)
        put.cancel()
        world.settle()
        #expect(put.value == .threw(.unavailable("503")))
    }

    @Test("deleting nothing asks the store nothing")
    func nothing() throws {
        let world = World()
        let gateway = StoreDouble(onDelete: { _ throws(ObjectStoreError) in throw .full }).gateway(world)
        #expect(try world.value { await ending { try await gateway.delete([]) } } == .returned(true))
    }

    @Test("a signed URL is handed out again until half its life is over")
    func signedURLs() throws {
        let world = World()
        let wall = ManualWallClock()
        let made = Box(0)
        let store = StoreDouble(onSign: { request in
            let number = made.change { count in
                count += 1
                return count
            }
            return SignedURL(url: "\(request.key)?\(number)", expiresAt: wall.now.addingTimeInterval(3600))
        })
        let gateway = store.gateway(world, wallClock: wall)
        let request = SignedURLRequest(key: Self.key, contentType: "video/mp4", origin: "https://anb.example")
        @Sendable func url() async -> String? { try? await gateway.signedURL(for: request) }
        #expect(try world.value(url) == "original/a.mp4?1")
        wall.advance(1799)
        #expect(try world.value(url) == "original/a.mp4?1")
        wall.advance(1)
        #expect(try world.value(url) == "original/a.mp4?2")
        let download = SignedURLRequest(
            key: Self.key, contentType: "video/mp4", downloadName: "a.mp4", origin: "https://anb.example")
        #expect(try world.value { try? await gateway.signedURL(for: download) } == "original/a.mp4?3")
    }
}

private typealias Ending = Outcome<Bool, ObjectStoreError>

private func ending(_ body: () async throws -> Void) async -> Ending {
    await outcome {
        try await body()
        return true
    }
}
