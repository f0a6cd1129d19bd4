/// Sign-up, login and erasure over the user repository; holds no state of its own.
package struct AccountService: Sendable {
    private let users: any UserRepository
    private let hasher: any PasswordHasher
    private let ids: IdentifierSource
    private let gateway: S3Gateway
    private let throttle: Throttle

    package init(
        users: any UserRepository, hasher: any PasswordHasher, throttle: Throttle, ids: IdentifierSource,
        gateway: S3Gateway
    ) {
        self.users = users
        self.hasher = hasher
        self.ids = ids
        self.gateway = gateway
        self.throttle = throttle
    }

    /// A sign-up whose fields are already valid.
    package struct SignUp: Sendable {
        package let firstName: String
        package let lastName: String
        package let email: EmailAddress
        package let password: String
        package let city: String
        package let country: String

        package init(
            firstName: String, lastName: String, email: EmailAddress, password: String, city: String, country: String
        ) {
            self.firstName = firstName
            self.lastName = lastName
            self.email = email
            self.password = password
            self.city = city
            self.country = country
        }
    }

    package enum Failure: Error, Sendable, Equatable {
        case emailTaken
        /// Too many passwords wait to be hashed on this node.
        case busy
        /// Too many refusals of this account, or too much from this address.
        case throttled(retryAfter: Duration)
        case unavailable(String)
    }

    /// - Parameter address: of the client's network.
    package func signUp(_ form: SignUp, from address: String) async throws(Failure) -> User {
        let taken = throttle.takenBucket(form.email)
        let source = throttle.signUpBucket(from: address)
        try await admit([taken, source])
        let user: User
        do throws(Failure) {
            user = try await inTurn(form.email, address) { () async throws(Failure) in try await create(form) }
        } catch {
            // It tells who has an account.
            if case .emailTaken = error { try await charge([taken: 1, source: ThrottleLimits.costOfTaken]) }
            throw error
        }
        // The account is there, whatever becomes of this.
        try? await charge([source: 1])
        return user
    }

    private func create(_ form: SignUp) async throws(Failure) -> User {
        // The costly hash is made only for an address that is free now; the insert decides.
        if try await lookUp(form.email) != nil { throw .emailTaken }
        let hash: String
        do { hash = try await hasher.hash(form.password) } catch { throw .busy }
        let new = NewUser(
            id: ids.make(), firstName: form.firstName, lastName: form.lastName, email: form.email, city: form.city,
            country: form.country,
            usernameBase: Username.base(firstName: form.firstName, lastName: form.lastName), passwordHash: hash)
        do {
            switch try await users.create(new) {
            case .created(let user): return user
            case .emailTaken: throw Failure.emailTaken
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// Nil for a wrong password and for an unknown address alike, at the same cost.
    /// - Parameter address: of the client's network.
    package func logIn(email: EmailAddress, password: String, from address: String) async throws(Failure) -> User? {
        let buckets = throttle.loginBuckets(email, from: address)
        try await admit(buckets)
        let user = try await inTurn(email, address) { () async throws(Failure) -> User? in
            let account = try await lookUp(email)
            let matches: Bool
            do { matches = try await hasher.verify(password, against: account?.passwordHash) } catch { throw .busy }
            guard let account, matches, account.user.isActive else { return nil }
            return account.user
        }
        if user == nil { try await charge(Dictionary(uniqueKeysWithValues: buckets.map { ($0, 1) })) }
        return user
    }

    private func admit(_ buckets: [ThrottleBucket]) async throws(Failure) {
        let wait: Duration?
        do { wait = try await throttle.wait(for: buckets) } catch { throw .unavailable("\(error)") }
        if let wait { throw .throttled(retryAfter: wait) }
    }

    private func charge(_ costs: [ThrottleBucket: Int]) async throws(Failure) {
        do { try await throttle.charge(costs) } catch { throw .unavailable("\(error)") }
    }

    /// Nobody takes all the places of those who wait for a hash.
    private func inTurn<Value: Sendable>(
        _ email: EmailAddress, _ address: String, _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard await throttle.enter(email, from: address) else { throw .throttled(retryAfter: .seconds(2)) }
        do throws(Failure) {
            let value = try await body()
            await throttle.leave(email, from: address)
            return value
        } catch {
            await throttle.leave(email, from: address)
            throw error
        }
    }

    /// Removes the account, its videos and their objects, and its votes.
    /// - Returns: whether it was there.
    package func erase(_ id: UserID) async throws(Failure) -> Bool {
        let erased: ErasedAccount?
        do { erased = try await users.erase(id) } catch { throw .unavailable("\(error)") }
        guard let erased else { return false }
        await gateway.discard(erased.objects)
        return true
    }

    private func lookUp(_ email: EmailAddress) async throws(Failure) -> Account? {
        do { return try await users.account(email: email) } catch { throw .unavailable("\(error)") }
    }
}
