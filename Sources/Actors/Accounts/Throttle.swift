/// How many refused logins and how many sign-ups one account and one network address may have.
///
/// Only what a guesser does costs anything: a right password costs nothing, so that a school, a load test or a family
/// behind one address is not shut out by many people who know theirs.
package struct ThrottleLimits: Sendable, Equatable {
    /// Refused logins of one account within `window`; also refused sign-ups with one e-mail address.
    package var accountFailures: Int
    /// Refused logins from one address within `window`.
    package var addressFailures: Int
    package var window: Duration
    /// Sign-ups from one address within `signUpWindow`.
    package var addressSignUps: Int
    package var signUpWindow: Duration
    /// Passwords of one account, and from one address, that wait for their hash on one node.
    package var accountHashes: Int
    package var addressHashes: Int
    /// A sign-up that is told that its e-mail address is taken costs as much as this many: it tells who has an account.
    package static let costOfTaken = 10

    package init(
        accountFailures: Int = 100, addressFailures: Int = 1000, window: Duration = .seconds(600),
        addressSignUps: Int = 5000, signUpWindow: Duration = .seconds(3600), accountHashes: Int = 64,
        addressHashes: Int = 192
    ) {
        self.accountHashes = accountHashes
        self.addressHashes = addressHashes
        self.accountFailures = accountFailures
        self.addressFailures = addressFailures
        self.window = window
        self.addressSignUps = addressSignUps
        self.signUpWindow = signUpWindow
    }
}

/// A token bucket: `capacity` at once, and as many again within each `window`.
package struct ThrottleBucket: Sendable, Hashable {
    package let key: String
    package let capacity: Int
    package let window: Duration

    package init(key: String, capacity: Int, window: Duration) {
        self.key = key
        self.capacity = capacity
        self.window = window
    }

    /// Until one token is there again when `spent` are missing; nil while there is one.
    package func wait(spent: Double) -> Duration? {
        let missing = spent - Double(capacity) + 1
        guard missing > 0 else { return nil }
        // A limit that was lowered may leave much to wait for.
        return .seconds(min(missing / Double(capacity), 10) * window.inSeconds)
    }
}

/// What is kept of buckets, for all nodes together.
package protocol ThrottleRepository: Sendable {
    /// What is missing in each bucket now, in the order of `buckets`.
    func spent(_ buckets: [ThrottleBucket]) async throws(RepositoryError) -> [Double]
    /// Takes tokens out of buckets, also when that many are not there.
    func spend(_ costs: [ThrottleBucket: Int]) async throws(RepositoryError)
    /// Forgets buckets that are full again.
    func pruneBuckets() async throws(RepositoryError)
}

/// Slows down who guesses passwords or asks who has an account.
///
/// Owns the refusals that stand, so that a flood of refused requests asks the database nothing, and counts the passwords
/// that are being hashed; the buckets themselves are the database's, one for all nodes. Talked to by AccountService. Bound: `maximumRefusals`, each until its time.
/// Attempts under way at once may overdraw a bucket by their number: it then takes longer to fill.
package actor Throttle {
    package static let maximumRefusals = 10_000

    private let limits: ThrottleLimits
    private let repository: any ThrottleRepository
    private let clock: any NodeClock
    private var refusals: [ThrottleBucket: MonotonicInstant] = [:]
    /// Of accounts and of addresses, which never look alike.
    private var underWay: [String: Int] = [:]

    package init(limits: ThrottleLimits, repository: any ThrottleRepository, clock: any NodeClock) {
        self.limits = limits
        self.repository = repository
        self.clock = clock
    }

    package nonisolated func loginBuckets(_ email: EmailAddress, from address: String) -> [ThrottleBucket] {
        [
            ThrottleBucket(key: "login \(email.folded)", capacity: limits.accountFailures, window: limits.window),
            ThrottleBucket(key: "login from \(address)", capacity: limits.addressFailures, window: limits.window),
        ]
    }

    package nonisolated func takenBucket(_ email: EmailAddress) -> ThrottleBucket {
        ThrottleBucket(key: "taken \(email.folded)", capacity: limits.accountFailures, window: limits.window)
    }

    package nonisolated func signUpBucket(from address: String) -> ThrottleBucket {
        ThrottleBucket(
            key: "sign-up from \(address)", capacity: limits.addressSignUps, window: limits.signUpWindow)
    }

    /// How long to wait until all of the buckets have a token; nil when they have.
    package func wait(for buckets: [ThrottleBucket]) async throws(RepositoryError) -> Duration? {
        let now = clock.now
        if let until = buckets.compactMap({ refusals[$0] }).max(), until > now { return now.duration(to: until) }
        let spent = try await repository.spent(buckets)
        var longest: Duration?
        for (bucket, spent) in zip(buckets, spent) {
            guard let wait = bucket.wait(spent: spent) else { continue }
            remember(bucket, until: now.advanced(by: wait))
            longest = max(longest ?? .zero, wait)
        }
        return longest
    }

    package nonisolated func charge(_ costs: [ThrottleBucket: Int]) async throws(RepositoryError) {
        try await repository.spend(costs)
    }

    // MARK: - Hashes at once

    /// Takes a place for one password that is hashed for this account and address.
    /// - Returns: whether there was one; then `leave` is called once.
    package func enter(_ email: EmailAddress, from address: String) -> Bool {
        guard underWay[email.folded, default: 0] < limits.accountHashes,
            underWay[address, default: 0] < limits.addressHashes
        else { return false }
        underWay[email.folded, default: 0] += 1
        underWay[address, default: 0] += 1
        return true
    }

    package func leave(_ email: EmailAddress, from address: String) {
        for key in [email.folded, address] {
            let left = underWay[key, default: 1] - 1
            underWay[key] = left > 0 ? left : nil
        }
    }

    private func remember(_ bucket: ThrottleBucket, until: MonotonicInstant) {
        if refusals.count >= Self.maximumRefusals {
            let now = clock.now
            refusals = refusals.filter { $0.value > now }
            // All of them stand: the database still knows.
            if refusals.count >= Self.maximumRefusals { refusals.removeAll(keepingCapacity: true) }
        }
        refusals[bucket] = until
    }
}
