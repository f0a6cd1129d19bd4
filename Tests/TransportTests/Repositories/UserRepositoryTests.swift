import Actors
import Testing
import Transport

extension Repositories {
    @Suite("Accounts in SQL")
    struct UserRepositoryTests {
        private func newUser(_ database: any DomainDatabase, email: String, base: String = "ana.ruiz") throws -> NewUser
        {
            NewUser(
                id: database.id(), firstName: "Ana", lastName: "Ruiz", email: try #require(EmailAddress(email)),
                city: "Medellín", country: "Colombia", usernameBase: base, passwordHash: "$hash$")
        }

        @Test(
            "usernames are numbered without gaps, also for sign-ups at the same time",
            arguments: DatabaseService.allCases)
        func usernames(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let names = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<25 { group.addTask { try await database.makeUser().username } }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                #expect(names == Set(["ana.ruiz"] + (2...25).map { "ana.ruiz\($0)" }))
            }
        }

        @Test("a number that a name brought along is skipped", arguments: DatabaseService.allCases)
        func numberedName(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                var names: [String] = []
                for base in ["ana2", "ana", "ana"] {
                    names.append(try await database.makeUser(username: base).username)
                }
                #expect(names == ["ana2", "ana", "ana3"])
            }
        }

        @Test("an address is taken whatever its case, and found whatever its case", arguments: DatabaseService.allCases)
        func emailCase(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let user = try newUser(database, email: "Ana@Example.com")
                guard case .created(let created) = try await database.users.create(user) else {
                    Issue.record("not created")
                    return
                }
                #expect(created.email.text == "Ana@Example.com" && created.isActive)
                let verdict = try await database.users.create(try newUser(database, email: "aNA@eXAMPLE.com"))
                #expect(verdict == .emailTaken)
                let address = try #require(EmailAddress("ANA@EXAMPLE.COM"))
                let account = try #require(try await database.users.account(email: address))
                #expect(account.user == created && account.passwordHash == "$hash$")
                #expect(try await database.users.user(user.id) == created)
                #expect(try await database.users.user(database.id()) == nil)
            }
        }

        @Test("one address signs up once, however many try at the same time", arguments: DatabaseService.allCases)
        func concurrentEmail(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let created = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<10 {
                        let user = try newUser(database, email: "ana@example.com", base: "ana\(number % 2)")
                        group.addTask { try await database.users.create(user) != .emailTaken }
                    }
                    return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(created == 1)
            }
        }

        @Test("a sign-up whose answer was lost is created once and says so again", arguments: DatabaseService.allCases)
        func repeatedSignUp(service: DatabaseService) async throws {
            try await withDatabase(service) { database in
                let user = try newUser(database, email: "ana@example.com")
                let first = try await database.users.create(user)
                #expect(try await database.users.create(user) == first)
                #expect(first != .emailTaken)
            }
        }
    }
}
