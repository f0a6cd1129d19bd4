import Actors

/// People who send clips, and delete some: they enter where production's clients do, through an API node's
/// actors, and come again as clients do. A lost answer may leave two videos of one clip, but not under an idempotency key.
///
/// Invariants: C1 an upload that was confirmed is never lost; C2 what was deleted never comes back; C4 an idempotency
/// key has one effect.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
final class Players: @unchecked Sendable {
    private struct Clip {
        let title: String
        /// The number of a person.
        let owner: Int
        /// Half of the clients send an idempotency key.
        let hasKey: Bool
        var confirmed: VideoID?
        /// Confirmed, or its owner was erased first.
        var isOver = false
    }

    static let count = 4

    private let simulation: Simulation
    private let database: FakeDatabase
    private let invariants: Invariants
    private let traffic: Traffic
    private let people: People
    private var clips: [Clip] = []
    /// Clips whose video is to be deleted once it is confirmed.
    private var deletions: Set<Int> = []
    private var deleted: Set<VideoID> = []
    private var errands = 0

    init(_ simulation: Simulation, _ database: FakeDatabase, _ traffic: Traffic, _ people: People) {
        self.simulation = simulation
        self.database = database
        self.traffic = traffic
        self.people = people
        invariants = database.invariants
    }

    /// Everything that was wanted is done.
    var areDone: Bool { errands == 0 && clips.allSatisfy(\.isOver) }
    var open: [String] { clips.filter { !$0.isOver }.map(\.title) + (errands > 0 ? ["\(errands) errands"] : []) }

    /// Draws what will be wanted, and when.
    func plan(clips count: Int) {
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
            let clip = Clip(
                title: title, owner: tape.choose(Players.count, .workload), hasKey: tape.choose(2, .workload) == 1)
            invariants.expect(title, kind, hasKey: clip.hasKey)
            clips.append(clip)
            simulation.at(tape.nanoseconds(0...span, .workload)) {
                self.people.whenKnown(clip.owner) { self.upload(number, from: $0) }
            }
        }
        for _ in 0..<tape.choose(3, .workload) { deletions.insert(tape.choose(count, .workload)) }
    }

    private func again(_ action: @escaping () -> Void) {
        simulation.at(simulation.now + simulation.tape.nanoseconds(1_000_000_000...8_000_000_000, .workload), action)
    }

    // MARK: - Uploads

    private func upload(_ number: Int, from owner: UserID) {
        let clip = clips[number]
        let key = clip.hasKey ? IdempotencyKey(clip.title, of: owner, route: .upload) : nil
        let source = FakeUploadSource(title: clip.title, simulation: simulation)
        traffic.ask({ api, counter -> Result<VideoID, UploadError> in
            let source = source.read(by: counter.node)
            do throws(UploadError) {
                guard let key else {
                    return .success(try await api.uploads.receive(source, from: owner).id)
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
        }) { self.answered(number, owner, $0) }
    }

    private func answered(_ number: Int, _ owner: UserID, _ answer: Result<VideoID, UploadError>?) {
        let clip = clips[number]
        switch answer {
        case .success(let id):
            simulation.record("client: 201", id.word, number, detail: invariants.label(id))
            clips[number].confirmed = id
            clips[number].isOver = true
            requireRow(of: clips[number], owner)
            if deletions.contains(number) {
                errands += 1
                let delay = simulation.tape.nanoseconds(0...120_000_000_000, .workload)
                simulation.at(simulation.now + delay) { self.delete(id, owner, tries: 0) }
            }
        case nil, .failure(.full), .failure(.unavailable), .failure(.interrupted), .failure(.inProgress):
            again { self.upload(number, from: owner) }
        case .failure(.unknownOwner):
            invariants.require(people.erasing.contains(owner), "C1 \(clip.title): refused for an account that exists")
            clips[number].isOver = true
        case .failure(let error): simulation.fail("C1 \(clip.title): \(error)")
        }
    }

    /// C1: while nobody deletes it.
    private func requireRow(of clip: Clip, _ owner: UserID) {
        guard let id = clip.confirmed, !people.erasing.contains(owner), !deleted.contains(id) else { return }
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
                    tries > 0 || self.people.erasing.contains(owner), "C2 \(label): unknown before it was deleted")
                self.invariants.toldGone(id)
            case .success(.processed): self.deleted.remove(id)
            case .success(.notOwner): self.simulation.fail("C2 \(label): its owner may not delete it")
            case nil, .failure: return self.again { self.delete(id, owner, tries: tries + 1) }
            }
            self.errands -= 1
        }
    }

    /// What must hold once everything rests.
    func checkAtRest() {
        for clip in clips { people.whenKnown(clip.owner) { self.requireRow(of: clip, $0) } }
        for id in deleted where database.videos[id] != nil {
            simulation.fail("C2 \(invariants.label(id)): deleted, but its row stands")
        }
    }
}
