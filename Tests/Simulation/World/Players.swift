import Actors

/// People who send clips, delete some, and leave: they enter where production's clients do, through an API node's
/// actors, and come again as clients do. A lost answer may leave two videos of one clip, but not under an idempotency key.
///
/// Invariants: C1 an upload that was confirmed is never lost; C2 what was deleted never comes back; C3 nothing is left
/// of an erased account; C4 an idempotency key has one effect.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
final class Players: @unchecked Sendable {
    private struct Clip {
        let title: String
        let owner: UserID
        /// Half of the clients send one.
        let key: IdempotencyKey?
        var confirmed: VideoID?
        /// Confirmed, or its owner was erased first.
        var isOver = false
    }

    static let count = 4

    private let simulation: Simulation
    private let database: FakeDatabase
    private let invariants: Invariants
    private let traffic: Traffic
    private(set) var users: [UserID] = []
    private var clips: [Clip] = []
    /// Clips whose video is to be deleted once it is confirmed.
    private var deletions: Set<Int> = []
    private var deleted: Set<VideoID> = []
    /// Accounts whose erasure has begun, and what is not over yet.
    private(set) var erasing: Set<UserID> = []
    private var erased: Set<UserID> = []
    private var errands = 0

    init(_ simulation: Simulation, _ database: FakeDatabase, _ traffic: Traffic, players: Int, voters: Int) {
        self.simulation = simulation
        self.database = database
        self.traffic = traffic
        invariants = database.invariants
        let ids = IdentifierSource(random: SimulatedRandom(simulation))
        for number in 0..<(players + voters) {
            let id: UserID = ids.make()
            let name = number < players ? "player\(number)" : "voter\(number - players)"
            guard let email = EmailAddress("\(name)@example.com") else { preconditionFailure("an address") }
            invariants.introduce(id, as: name)
            users.append(id)
            _ = database.create(
                NewUser(
                    id: id, firstName: name, lastName: "", email: email, city: name, country: "CO",
                    usernameBase: name, passwordHash: ""))
        }
    }

    /// Everything that was wanted is done.
    var areDone: Bool { errands == 0 && clips.allSatisfy(\.isOver) }
    var open: [String] { clips.filter { !$0.isOver }.map(\.title) + (errands > 0 ? ["\(errands) errands"] : []) }

    /// Draws what will be wanted, and when.
    /// - Parameter rushes: when many people come at once.
    func plan(clips count: Int, rushes: [Int64]) {
        let tape = simulation.tape
        // A trickle, or all at once, so that messages wait for a slot.
        let span: Int64 = tape.choose(2, .workload) == 0 ? 200_000_000_000 : 10_000_000_000
        for number in 0..<count {
            let kind: ClipKind =
                switch tape.choose(8, .workload) {
                case 6: .poison
                case 7: .flaky(failures: 1 + tape.choose(3, .workload))
                default: .healthy
                }
            let title = "v\(number)"
            let owner = users[tape.choose(Players.count, .workload)]
            let key = tape.choose(2, .workload) == 0 ? nil : IdempotencyKey(title, of: owner, route: .upload)
            invariants.expect(title, kind, hasKey: key != nil)
            clips.append(Clip(title: title, owner: owner, key: key))
            simulation.at(tape.nanoseconds(0...span, .workload)) { self.upload(number) }
        }
        for _ in 0..<tape.choose(3, .workload) { deletions.insert(tape.choose(count, .workload)) }
        if tape.choose(2, .workload) == 1 {
            let user = users[tape.choose(users.count, .workload)]
            errands += 1
            let rush = tape.choose(2 * rushes.count, .workload)
            let time =
                rush < rushes.count
                ? rushes[rush] + tape.nanoseconds(0...6_000_000_000, .workload)
                : tape.nanoseconds(5_000_000_000...300_000_000_000, .workload)
            simulation.at(time) { self.erase(user, tries: 0) }
        }
    }

    private func again(_ action: @escaping () -> Void) {
        simulation.at(simulation.now + simulation.tape.nanoseconds(1_000_000_000...8_000_000_000, .workload), action)
    }

    // MARK: - Uploads

    private func upload(_ number: Int) {
        let clip = clips[number]
        let source = FakeUploadSource(title: clip.title, simulation: simulation)
        traffic.ask({ api, counter -> Result<VideoID, UploadError> in
            let source = source.read(by: counter.node)
            do throws(UploadError) {
                guard let key = clip.key else {
                    return .success(try await api.uploads.receive(source, from: clip.owner).id)
                }
                let answer = try await api.uploads.receive(source, under: key) { outcome in
                    guard case .success(let accepted) = outcome else { return nil }
                    return accepted.id.description
                }
                guard let id = VideoID(answer) else { return .failure(.unavailable("answered \(answer)")) }
                return .success(id)
            } catch {
                return .failure(error)
            }
        }) { self.answered(number, $0) }
    }

    private func answered(_ number: Int, _ answer: Result<VideoID, UploadError>?) {
        let clip = clips[number]
        switch answer {
        case .success(let id):
            simulation.record("client: 201", id.word, number, detail: invariants.label(id))
            clips[number].confirmed = id
            clips[number].isOver = true
            requireRow(of: clips[number])
            if deletions.contains(number) {
                errands += 1
                let delay = simulation.tape.nanoseconds(0...120_000_000_000, .workload)
                simulation.at(simulation.now + delay) { self.delete(id, clip.owner, tries: 0) }
            }
        case nil, .failure(.full), .failure(.unavailable), .failure(.interrupted), .failure(.inProgress):
            again { self.upload(number) }
        case .failure(.unknownOwner):
            invariants.require(erasing.contains(clip.owner), "C1 \(clip.title): refused for an account that exists")
            clips[number].isOver = true
        case .failure(let error): simulation.fail("C1 \(clip.title): \(error)")
        }
    }

    /// C1: while nobody deletes it.
    private func requireRow(of clip: Clip) {
        guard let id = clip.confirmed, !erasing.contains(clip.owner), !deleted.contains(id) else { return }
        invariants.require(database.videos[id] != nil, "C1 \(clip.title): confirmed, but its row is gone")
    }

    // MARK: - Deletions

    private func delete(_ id: VideoID, _ owner: UserID, tries: Int) {
        deleted.insert(id)
        traffic.ask({ api, _ -> Result<DeleteVideoVerdict, RepositoryError> in
            do throws(RepositoryError) { return .success(try await api.uploads.delete(id, by: owner)) } catch {
                return .failure(error)
            }
        }) { answer in
            let label = self.invariants.label(id)
            switch answer {
            case .success(.deleted): self.invariants.toldGone(id)
            case .success(.unknown):
                self.invariants.require(
                    tries > 0 || self.erasing.contains(owner), "C2 \(label): unknown before it was deleted")
                self.invariants.toldGone(id)
            case .success(.processed): self.deleted.remove(id)
            case .success(.notOwner): self.simulation.fail("C2 \(label): its owner may not delete it")
            case nil, .failure: return self.again { self.delete(id, owner, tries: tries + 1) }
            }
            self.errands -= 1
        }
    }

    private func erase(_ user: UserID, tries: Int) {
        erasing.insert(user)
        traffic.ask({ api, _ -> Result<Bool, AccountService.Failure> in
            do throws(AccountService.Failure) { return .success(try await api.erase(user)) } catch {
                return .failure(error)
            }
        }) { answer in
            switch answer {
            case .success(let wasThere):
                self.invariants.require(wasThere || tries > 0, "C3 \(self.invariants.name(user)): erased by nobody")
                self.simulation.record("client: account erased", user.word, detail: self.invariants.name(user))
                self.erased.insert(user)
                self.errands -= 1
                self.requireGone(user)
            case nil, .failure: self.again { self.erase(user, tries: tries + 1) }
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
        for clip in clips { requireRow(of: clip) }
        for user in users where erased.contains(user) { requireGone(user) }
        for id in deleted where database.videos[id] != nil {
            simulation.fail("C2 \(invariants.label(id)): deleted, but its row stands")
        }
    }
}
