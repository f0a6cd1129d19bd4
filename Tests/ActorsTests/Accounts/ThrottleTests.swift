import Actors
import Testing

struct ThrottleTests {
    private static func email(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }

    private static func throttle(_ world: World, _ repository: ThrottleDouble) -> Throttle {
        Throttle(
            limits: ThrottleLimits(accountFailures: 3, addressFailures: 5, window: .seconds(30)),
            repository: repository, clock: world.clock)
    }

    @Test("an account has so many refusals, and the wait is until one is there again")
    func account() throws {
        let world = World()
        let repository = ThrottleDouble()
        let throttle = Self.throttle(world, repository)
        let buckets = throttle.loginBuckets(try Self.email("A@example.com"), from: "192.0.2.1")
        for _ in 0..<3 {
            #expect(try world.value { try? await throttle.wait(for: buckets) } == .some(nil))
            _ = try world.value {
                try? await throttle.charge(Dictionary(uniqueKeysWithValues: buckets.map { ($0, 1) }))
            }
        }
        #expect(try world.value { try? await throttle.wait(for: buckets) } == .seconds(10))
        // Whatever its case, and from everywhere; another account is not concerned.
        let elsewhere = throttle.loginBuckets(try Self.email("a@EXAMPLE.com"), from: "192.0.2.2")
        #expect(try world.value { try? await throttle.wait(for: elsewhere) } == .seconds(10))
        let other = throttle.loginBuckets(try Self.email("b@example.com"), from: "192.0.2.1")
        #expect(try world.value { try? await throttle.wait(for: other) } == .some(nil))
    }

    @Test("many accounts from one address are refused, too")
    func address() throws {
        let world = World()
        let throttle = Self.throttle(world, ThrottleDouble())
        for number in 0..<5 {
            let buckets = throttle.loginBuckets(try Self.email("a\(number)@example.com"), from: "192.0.2.1")
            _ = try world.value {
                try? await throttle.charge(Dictionary(uniqueKeysWithValues: buckets.map { ($0, 1) }))
            }
        }
        let next = throttle.loginBuckets(try Self.email("z@example.com"), from: "192.0.2.1")
        #expect(try world.value { try? await throttle.wait(for: next) } == .seconds(6))
        let elsewhere = throttle.loginBuckets(try Self.email("z@example.com"), from: "192.0.2.9")
        #expect(try world.value { try? await throttle.wait(for: elsewhere) } == .some(nil))
    }

    @Test("while a refusal stands, the database is not asked")
    func flood() throws {
        let world = World()
        let repository = ThrottleDouble()
        let throttle = Self.throttle(world, repository)
        let buckets = throttle.loginBuckets(try Self.email("a@example.com"), from: "192.0.2.1")
        _ = try world.value { try? await throttle.charge(Dictionary(uniqueKeysWithValues: buckets.map { ($0, 3) })) }
        for _ in 0..<100 { _ = try world.value { try? await throttle.wait(for: buckets) } }
        #expect(repository.questions == 1)
        world.advance(.seconds(11))
        _ = try world.value { try? await throttle.wait(for: buckets) }
        #expect(repository.questions == 2)
    }

    @Test("the wait grows with what is missing")
    func waits() {
        let bucket = ThrottleBucket(key: "x", capacity: 10, window: .seconds(100))
        #expect(bucket.wait(spent: 9) == nil)
        #expect(bucket.wait(spent: 9.5) == .seconds(5))
        #expect(bucket.wait(spent: 10) == .seconds(10))
        #expect(bucket.wait(spent: 30) == .seconds(210))
        // A limit that was lowered by far: no trap, and an end.
        #expect(bucket.wait(spent: 1e12) == .seconds(1000))
    }

    @Test("nobody takes all the places for hashes: so many of an account, so many of an address")
    func places() throws {
        let world = World()
        let throttle = Throttle(
            limits: ThrottleLimits(accountHashes: 2, addressHashes: 3), repository: ThrottleDouble(),
            clock: world.clock)
        func enter(_ email: String, _ address: String) throws -> Bool {
            let email = try Self.email(email)
            return try world.value { await throttle.enter(email, from: address) }
        }
        #expect(try enter("a@example.com", "192.0.2.1"))
        #expect(try enter("a@example.com", "192.0.2.2"))
        #expect(try !enter("A@example.com", "192.0.2.3"))
        for name in ["b", "c"] { #expect(try enter("\(name)@example.com", "192.0.2.1")) }
        #expect(try !enter("d@example.com", "192.0.2.1"))
        let email = try Self.email("a@example.com")
        _ = try world.value { await throttle.leave(email, from: "192.0.2.1") }
        #expect(try enter("d@example.com", "192.0.2.1"))
        #expect(try enter("a@example.com", "192.0.2.9"))
    }
}
