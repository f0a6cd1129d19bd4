import Actors

/// The people of a world: they sign up, log in when they are told that they have an account, and one may leave.
///
/// Invariants: A1 nobody who comes for the first time is told that the address is taken, and whoever is told so has the
/// account and gets in with the password, and not with another; C3 nothing is left of an erased account.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
final class People: @unchecked Sendable {
    private struct Person {
        let name: String
        let email: EmailAddress
        /// Known once the sign-up, or a login after it, was answered.
        var id: UserID?
        var tries = 0
        /// What they want to do once they have an account.
        var plans: [() -> Void] = []
    }

    private static let password = "canasta de tres"

    private let simulation: Simulation
    private let database: FakeDatabase
    private let invariants: Invariants
    private let traffic: Traffic
    private var persons: [Person] = []
    /// Accounts whose erasure has begun.
    private(set) var erasing: Set<UserID> = []
    private var erased: Set<UserID> = []
    private var errands = 0

    init(_ simulation: Simulation, _ database: FakeDatabase, _ traffic: Traffic, players: Int, voters: Int) {
        self.simulation = simulation
        self.database = database
        self.traffic = traffic
        invariants = database.invariants
        for number in 0..<(players + voters) {
            let name = number < players ? "player\(number)" : "voter\(number - players)"
            guard let email = EmailAddress("\(name)@example.com") else { preconditionFailure("an address") }
            persons.append(Person(name: name, email: email))
        }
    }

    var count: Int { persons.count }
    var areDone: Bool { errands == 0 && persons.allSatisfy { $0.id != nil } }
    var open: [String] {
        persons.filter { $0.id == nil }.map(\.name) + (errands > 0 ? ["\(errands) erasures"] : [])
    }

    /// - Parameter rushes: when many people come at once.
    func plan(rushes: [Int64]) {
        let tape = simulation.tape
        for number in persons.indices {
            simulation.at(tape.nanoseconds(0...3_000_000_000, .workload)) { self.signUp(number) }
        }
        guard tape.choose(2, .workload) == 1 else { return }
        let leaver = tape.choose(persons.count, .workload)
        errands += 1
        let rush = tape.choose(2 * rushes.count, .workload)
        let time =
            rush < rushes.count
            ? rushes[rush] + tape.nanoseconds(0...6_000_000_000, .workload)
            : tape.nanoseconds(5_000_000_000...300_000_000_000, .workload)
        simulation.at(time) { self.whenKnown(leaver) { self.erase($0, number: leaver, tries: 0) } }
    }

    /// Runs `action` now, or once the person has an account.
    func whenKnown(_ number: Int, _ action: @escaping (UserID) -> Void) {
        if let id = persons[number].id { return action(id) }
        persons[number].plans.append { if let id = self.persons[number].id { action(id) } }
    }

    private func again(_ action: @escaping () -> Void) {
        simulation.at(simulation.now + simulation.tape.nanoseconds(1_000_000_000...8_000_000_000, .workload), action)
    }

    // MARK: - Accounts

    private func signUp(_ number: Int) {
        let person = persons[number]
        persons[number].tries += 1
        let form = AccountService.SignUp(
            firstName: person.name, lastName: "", email: person.email, password: Self.password, city: person.name,
            country: "CO")
        let address = person.name
        traffic.ask({ api, _ -> Result<User, AccountService.Failure> in
            do throws(AccountService.Failure) {
                return .success(try await api.accounts.signUp(form, from: address))
            } catch { return .failure(error) }
        }) { answer in
            switch answer {
            case .success(let user): self.got(user, number)
            case .failure(.emailTaken):
                self.invariants.require(
                    self.persons[number].tries > 1, "A1 \(person.name): the address is taken at the first try")
                self.logIn(number)
            case nil, .failure: self.again { self.signUp(number) }
            }
        }
    }

    private func logIn(_ number: Int) {
        let person = persons[number]
        let (email, address) = (person.email, person.name)
        traffic.ask({ api, _ -> Result<[User?], AccountService.Failure> in
            do throws(AccountService.Failure) {
                let wrong = try await api.accounts.logIn(email: email, password: "x", from: address)
                let right = try await api.accounts.logIn(email: email, password: Self.password, from: address)
                return .success([wrong, right])
            } catch { return .failure(error) }
        }) { answer in
            guard case .success(let users) = answer else { return self.again { self.logIn(number) } }
            self.invariants.require(users[0] == nil, "A1 \(person.name): a wrong password is good")
            guard let user = users[1] else {
                return self.simulation.fail("A1 \(person.name): told that the address is taken, but cannot log in")
            }
            self.got(user, number)
        }
    }

    private func got(_ user: User, _ number: Int) {
        let person = persons[number]
        // A late answer to an earlier try.
        guard person.id == nil else { return }
        simulation.record("client: has an account", user.id.word, number, detail: person.name)
        invariants.require(database.users[user.id] != nil, "A1 \(person.name): told of an account that is not there")
        invariants.require(user.city == person.name, "A1 \(person.name): got the account of \(user.city)")
        persons[number].id = user.id
        persons[number].plans = []
        for plan in person.plans { plan() }
    }

    // MARK: - Erasures

    private func erase(_ user: UserID, number: Int, tries: Int) {
        erasing.insert(user)
        let person = persons[number]
        traffic.ask({ api, _ -> Result<Bool, AccountService.Failure> in
            do throws(AccountService.Failure) { return .success(try await api.erase(user)) } catch {
                return .failure(error)
            }
        }) { answer in
            switch answer {
            case .success(let wasThere):
                self.invariants.require(wasThere || tries > 0, "C3 \(person.name): erased by nobody")
                self.simulation.record("client: account erased", user.word, detail: person.name)
                self.erased.insert(user)
                self.errands -= 1
                self.requireGone(user)
            case nil, .failure: self.again { self.erase(user, number: number, tries: tries + 1) }
            }
        }
    }

    private func requireGone(_ user: UserID) {
        let name = invariants.name(user)
        invariants.require(database.users[user] == nil, "C3 \(name): the account came back")
        invariants.require(
            !database.videos.values.contains { $0.video.owner == user }, "C3 \(name): a video of an erased account")
        invariants.require(
            !database.votes.players.contains { $0.key.voter == user || $0.value == user },
            "C3 \(name): a vote of or for an erased account")
    }

    /// What must hold once everything rests.
    func checkAtRest() {
        for person in persons {
            guard let id = person.id else { continue }
            if erased.contains(id) { requireGone(id) }
            let accounts = database.users.values.count { $0.user.email == person.email }
            // A sign-up that was never answered may still take effect, after an erasure, too.
            invariants.require(
                accounts == 1 || accounts == 0 && erased.contains(id),
                "A1 \(person.name): \(accounts) accounts of one address")
        }
    }
}
