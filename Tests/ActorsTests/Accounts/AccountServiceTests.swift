import Actors
import FoundationEssentials
import Testing

struct AccountServiceTests {
    private static let address: EmailAddress = {
        guard let address = EmailAddress("Jose@example.com") else { preconditionFailure("a well-formed address") }
        return address
    }()
    private static let form = AccountService.SignUp(
        firstName: "José", lastName: "Núñez", email: address, password: "secret-1",
        city: "Cali", country: "Colombia")

    @Test("a sign-up stores the hash and the username's base, and the password never")
    func signUp() throws {
        let world = World()
        let users = UsersDouble()
        let service = Self.service(world, users, HasherDouble())
        let user = try world.value { try? await service.signUp(Self.form, from: "192.0.2.1") }
        let stored = try #require(users.created.value.first)
        #expect(user?.id == stored.id)
        #expect(stored.passwordHash == "hash of secret-1")
        #expect(stored.usernameBase == "jose.nunez")
        #expect(stored.city == "Cali" && stored.country == "Colombia")
    }

    @Test("a taken address is refused without the cost of a hash, and by the insert when two come at once")
    func taken() throws {
        let world = World()
        var users = UsersDouble()
        let hasher = HasherDouble()
        users.known.set([Self.account(isActive: true)])
        #expect(try Self.signUp(world, users, hasher) == .threw(.emailTaken))
        #expect(hasher.calls.value.isEmpty)
        users.known.set([])
        users.verdict = .emailTaken
        #expect(try Self.signUp(world, users, hasher) == .threw(.emailTaken))
    }

    @Test("a full hashing queue is told as busy")
    func busy() throws {
        let world = World()
        let hasher = HasherDouble(isBusy: true)
        #expect(try Self.signUp(world, UsersDouble(), hasher) == .threw(.busy))
        let service = Self.service(world, UsersDouble(), hasher)
        let login = try world.value {
            await outcome(AccountService.Failure.self) {
                try await service.logIn(email: Self.form.email, password: "x", from: "192.0.2.1") == nil
            }
        }
        #expect(login == .threw(.busy))
    }

    @Test("only the right password of an active account logs in; each try costs one comparison")
    func logIn() throws {
        let world = World()
        for (known, password, encoded, isUser) in [
            ([Self.account(isActive: true)], "secret-1", String?("hash of secret-1"), true),
            ([Self.account(isActive: true)], "wrong", "hash of secret-1", false),
            ([Self.account(isActive: false)], "secret-1", "hash of secret-1", false),
            ([], "secret-1", nil, false),
        ] {
            let users = UsersDouble()
            users.known.set(known)
            let hasher = HasherDouble()
            let service = Self.service(world, users, hasher)
            let user = try world.value {
                try? await service.logIn(email: Self.form.email, password: password, from: "192.0.2.1")
            }
            #expect((user != nil) == isUser)
            #expect(hasher.calls.value == ["verify \(password) against \(encoded ?? "nothing")"])
        }
    }

    @Test("a database that is away is told as unavailable")
    func away() throws {
        let world = World()
        var users = UsersDouble()
        users.isAway = true
        #expect(
            try Self.signUp(world, users, HasherDouble())
                == .threw(.unavailable("\(RepositoryError.unavailable("away"))")))
    }

    private static func signUp(_ world: World, _ users: UsersDouble, _ hasher: HasherDouble) throws
        -> Outcome<User, AccountService.Failure>
    {
        let service = Self.service(world, users, hasher)
        return try world.value { await outcome { try await service.signUp(form, from: "192.0.2.1") } }
    }

    @Test("an erasure removes the objects of what the database named, and tells whether the account was there")
    func erase() throws {
        let world = World()
        var users = UsersDouble()
        users.erased = ErasedAccount(objects: [.original(id(7), fileExtension: "mp4"), .poster(id(7))])
        let removed = Box<[ObjectKey]>([])
        var store = StoreDouble()
        store.onDelete = { keys in removed.change { $0 += keys } }
        let service = Self.service(world, users, HasherDouble(), store)
        #expect(try world.value { try? await service.erase(id(1)) } == true)
        #expect(removed.value == users.erased?.objects)
        users.erased = nil
        let empty = Self.service(world, users, HasherDouble(), store)
        #expect(try world.value { try? await empty.erase(id(1)) } == false)
    }

    private static func service(
        _ world: World, _ users: UsersDouble, _ hasher: HasherDouble, _ store: StoreDouble = StoreDouble()
    ) -> AccountService {
        AccountService(
            users: users, hasher: hasher,
            throttle: Throttle(limits: ThrottleLimits(), repository: ThrottleDouble(), clock: world.clock),
            ids: IdentifierSource(random: SeededRandom()), gateway: store.gateway(world))
    }

    private static func account(isActive: Bool) -> Account {
        Account(
            user: User(
                id: id(1), firstName: "José", lastName: "Núñez", email: form.email, city: "Cali", country: "Colombia",
                username: "jose.nunez", isActive: isActive, createdAt: Date(timeIntervalSince1970: 0)),
            passwordHash: "hash of secret-1")
    }
}

private struct UsersDouble: UserRepository {
    let known = Box<[Account]>([])
    let created = Box<[NewUser]>([])
    var verdict: CreateUserVerdict?
    var isAway = false
    var erased: ErasedAccount?

    func create(_ user: NewUser) async throws(RepositoryError) -> CreateUserVerdict {
        created.change { $0.append(user) }
        return verdict
            ?? .created(
                User(
                    id: user.id, firstName: user.firstName, lastName: user.lastName, email: user.email,
                    city: user.city, country: user.country, username: user.usernameBase, isActive: true,
                    createdAt: Date(timeIntervalSince1970: 0)))
    }
    func account(email: EmailAddress) async throws(RepositoryError) -> Account? {
        if isAway { throw away }
        return known.value.first { $0.user.email.folded == email.folded }
    }
    func user(_ id: UserID) async throws(RepositoryError) -> User? { known.value.first { $0.user.id == id }?.user }
    func erase(_ id: UserID) async throws(RepositoryError) -> ErasedAccount? { erased }
}

private struct HasherDouble: PasswordHasher {
    var isBusy = false
    let calls = Box<[String]>([])

    func hash(_ password: String) async throws(PasswordHasherError) -> String {
        if isBusy { throw .busy }
        calls.change { $0.append("hash \(password)") }
        return "hash of \(password)"
    }
    func verify(_ password: String, against encoded: String?) async throws(PasswordHasherError) -> Bool {
        if isBusy { throw .busy }
        calls.change { $0.append("verify \(password) against \(encoded ?? "nothing")") }
        return encoded == "hash of \(password)"
    }
}
