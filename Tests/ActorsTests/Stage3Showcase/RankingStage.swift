import Actors
import FoundationEssentials
import Testing

/// A ranking over a database that tests change by hand.
struct RankingStage {
    static let lane: WriterID = id(50)
    static let other: WriterID = id(51)

    let world = World()
    /// Answers `deltas` and counts the looks.
    let feed = Box<[VoteDelta]>([])
    let looks = Box(0)
    let snapshots = Box(0)
    let snapshot = Box(RankingSnapshot(tallies: [], positions: [:]))
    var votes = VotesDouble()

    init() {
        let (feed, looks, snapshots, snapshot) = (feed, looks, snapshots, snapshot)
        votes.onSnapshot = {
            snapshots.change { $0 += 1 }
            return snapshot.value
        }
        votes.onDeltas = { positions in
            looks.change { $0 += 1 }
            let fresh = feed.value.filter { $0.number > positions[$0.writer, default: 0] }
            return .deltas(fresh, more: false)
        }
        votes.onPlayers = { ids in
            ids.map { RankedPlayer(id: $0, username: "p\($0.description.suffix(2))", city: "Cali") }
        }
    }

    func ranking() -> RankingActor {
        RankingActor(
            votes: votes, feed: FeedDouble(), clock: world.clock, random: SeededRandom(), logger: .quiet)
    }

    static func delta(_ number: Int64, of writer: WriterID = lane, player: Int = 1, votes: Int = 1) -> VoteDelta {
        VoteDelta(writer: writer, number: number, changes: [PlayerChange(player: id(player), votes: votes)])
    }

    struct Row: Decodable, Equatable {
        let city: String
        let position: Int
        let username: String
        let votes: Int
    }

    /// What a reader sees.
    func shown(_ ranking: RankingActor, city: FoldedText? = nil) throws -> [Row] {
        let page = try world.value { await ranking.page(RankingQuery(city: city, skip: 0, limit: 100)) }
        return try JSONDecoder().decode([Row].self, from: Data(page.body.bytes))
    }

    func total(_ ranking: RankingActor) throws -> Int { try shown(ranking).map(\.votes).reduce(0, +) }
}
