import Actors

/// People who vote for processed videos, and look at the ranking after it.
///
/// Invariants: V1 one vote a user and video, and nobody is told otherwise; V2 after a 200 the node's ranking shows the
/// vote; V3 at rest every node's ranking is what the database counts.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
final class Voters: @unchecked Sendable {
    private enum Answer: Sendable {
        case verdict(VoteVerdict)
        case failure(VoteError)
    }

    /// Nobody waits longer for a video to vote for.
    private static let patience = nanoseconds(.seconds(600))

    private let simulation: Simulation
    private let database: FakeDatabase
    private let traffic: Traffic
    private let people: People
    private var invariants: Invariants { database.invariants }
    private var tries: [VoteRequest: Int] = [:]
    /// Who was asked for each vote: one who comes again under a key of their own is told what they were told first.
    private var askers: [VoteRequest: Int] = [:]
    private var accepted: [VoteRequest: UserID] = [:]
    private var open = 0
    private var keysMade = 0
    private(set) var votes = 0

    init(_ simulation: Simulation, _ database: FakeDatabase, _ traffic: Traffic, _ people: People) {
        self.simulation = simulation
        self.database = database
        self.traffic = traffic
        self.people = people
    }

    var areDone: Bool { open == 0 }

    /// - Parameter rushes: when half of the votes come, so that batches hold more than one.
    func plan(votes count: Int, rushes: [Int64]) {
        let tape = simulation.tape
        open = count
        for number in 0..<count {
            let voter = tape.choose(people.count, .workload)
            let time =
                number % 2 == 0
                ? rushes[tape.choose(rushes.count, .workload)] + tape.nanoseconds(0...10_000_000, .workload)
                : tape.nanoseconds(20_000_000_000...300_000_000_000, .workload)
            simulation.at(time) { self.people.whenKnown(voter) { self.choose(for: $0) } }
        }
    }

    private func again(_ action: @escaping () -> Void) {
        simulation.at(simulation.now + simulation.tape.nanoseconds(1_000_000_000...8_000_000_000, .workload), action)
    }

    private func choose(for voter: UserID) {
        let choice = database.sortedVideos.filter { $0.state == .processed && $0.video.owner != voter }
        guard !choice.isEmpty, !people.erasing.contains(voter) else {
            if simulation.now > Self.patience || people.erasing.contains(voter) { return open -= 1 }
            return simulation.after(.seconds(20)) { self.choose(for: voter) }
        }
        let video = choice[simulation.tape.choose(choice.count, .workload)].video
        let request = VoteRequest(voter: voter, video: video.id)
        askers[request, default: 0] += 1
        keysMade += 1
        let key =
            simulation.tape.choose(2, .workload) == 0
            ? nil : IdempotencyKey("vote\(keysMade)", of: voter, route: .vote)
        cast(request, under: key, for: video.owner)
    }

    private func cast(_ request: VoteRequest, under key: IdempotencyKey?, for player: UserID) {
        tries[request, default: 0] += 1
        let name = invariants.name(player)
        traffic.ask({ api, counter -> Answer in
            let verdict: VoteVerdict
            do throws(VoteError) {
                if let key {
                    verdict = try await api.ballots.cast(request, under: key)
                } else {
                    verdict = try await api.ballots.cast(request)
                }
            } catch { return .failure(error) }
            if case .accepted = verdict {
                counter.told[player, default: []].insert(request)
                let told = counter.told[player] ?? []
                // Each player is a city of their own.
                let page = await api.rankings.page(RankingQuery(city: FoldedText(name), skip: 0, limit: 10))
                // At the limit of a drain the last answers come from a node that takes no further request.
                if !counter.isClosed { self.shown(page, to: request, for: player, told: told) }
            }
            return .verdict(verdict)
        }) { self.answered(request, key, player, $0) }
    }

    /// V2, from below and from above.
    private func shown(_ page: RankingPage, to request: VoteRequest, for player: UserID, told: Set<VoteRequest>) {
        guard !people.erasing.contains(player) else { return }
        let shown = ShownPlayer.list(page).first?.votes ?? 0
        let told = told.count { !people.erasing.contains($0.voter) }
        invariants.require(
            shown >= told, "V2 \(invariants.name(player)): \(shown) votes shown, \(told) were told that they count here"
        )
        guard people.erasing.isEmpty else { return }
        let counted = database.votes.players.values.count { $0 == player }
        invariants.require(shown <= counted, "V2 \(invariants.name(player)): \(shown) votes shown of \(counted)")
    }

    private func answered(_ request: VoteRequest, _ key: IdempotencyKey?, _ player: UserID, _ answer: Answer?) {
        let text = database.text(request)
        let isTouched = people.erasing.contains(request.voter) || people.erasing.contains(player)
        invariants.coverage.reach("voter", key == nil ? "no key" : "key", "told \(Self.told(answer))")
        switch answer {
        case .verdict(.accepted):
            votes += 1
            simulation.record("client: vote counts", request.voter.word, detail: text)
            invariants.require(accepted[request] == nil, "V1 \(text): accepted twice")
            accepted[request] = player
            requireBallot(request, player)
        case .verdict(.alreadyVoted):
            invariants.require(
                key == nil || isTouched || (askers[request] ?? 0) > 1,
                "C4 \(text): told already voted under the key that voted")
            invariants.require((tries[request] ?? 0) > 1, "V1 \(text): told already voted at the first try")
            invariants.require(
                isTouched || database.votes.players[request] != nil, "V1 \(text): told already voted without a vote")
        case .verdict(.unknownVideo): invariants.require(isTouched, "V1 \(text): unknown although both exist")
        case .failure(.notTaken), .failure(.full):
            // Told that nothing was written: the next try is as good as this one.
            tries[request, default: 1] -= 1
            return again { self.cast(request, under: key, for: player) }
        case nil, .failure, .verdict(.superseded): return again { self.cast(request, under: key, for: player) }
        case .verdict(let verdict): simulation.fail("V1 \(text): \(verdict)")
        }
        open -= 1
    }

    private static func told(_ answer: Answer?) -> String {
        switch answer {
        case .verdict(let verdict): verdict.told
        case .failure(let error): "\(error)"
        case nil: "nothing"
        }
    }

    private func requireBallot(_ request: VoteRequest, _ player: UserID) {
        guard !people.erasing.contains(request.voter), !people.erasing.contains(player) else { return }
        invariants.require(
            database.votes.players[request] != nil,
            "V1 \(database.text(request)): told that it counts, but it is gone"
        )
    }

    // MARK: - At rest

    func checkAtRest() {
        for (request, player) in accepted { requireBallot(request, player) }
    }

    /// V3: what every node that runs shows, once each has said it.
    func read(_ places: [Process], _ receive: @escaping ([String: [ShownPlayer]]) -> Void) {
        let shown = Shown(of: places.count, receive)
        for place in places {
            guard let api = place.api else { continue }
            let name = place.node.name
            place.node.start {
                let page = await api.rankings.page(RankingQuery(city: nil, skip: 0, limit: 1000))
                shown.add(ShownPlayer.list(page), by: name)
            }
        }
    }

    var counted: [ShownPlayer] {
        database.snapshot().tallies.map { ShownPlayer(username: $0.player.username, votes: $0.votes) }
            .sorted { ($1.votes, $0.username) < ($0.votes, $1.username) }
    }

    /// Proof of `@unchecked Sendable`: as `Voters`.
    private final class Shown: @unchecked Sendable {
        private var pages: [String: [ShownPlayer]] = [:]
        private let count: Int
        private let receive: ([String: [ShownPlayer]]) -> Void

        init(of count: Int, _ receive: @escaping ([String: [ShownPlayer]]) -> Void) {
            self.count = count
            self.receive = receive
        }

        func add(_ page: [ShownPlayer], by name: String) {
            pages[name] = page
            if pages.count == count { receive(pages) }
        }
    }
}

/// A row of the ranking, read from a page's JSON.
struct ShownPlayer: Sendable, Equatable, CustomStringConvertible {
    let username: String
    let votes: Int

    var description: String { "\(username) \(votes)" }

    /// The players' names need no escapes.
    static func list(_ page: RankingPage) -> [ShownPlayer] {
        let text = String(decoding: page.body.bytes, as: UTF8.self)
        return text.split(separator: "{").compactMap { row in
            guard let name = row.firstRange(of: "\"username\":\""), let votes = row.firstRange(of: "\"votes\":") else {
                return nil
            }
            return ShownPlayer(
                username: String(row[name.upperBound...].prefix { $0 != "\"" }),
                votes: Int(row[votes.upperBound...].prefix(while: \.isNumber)) ?? -1)
        }
    }
}
