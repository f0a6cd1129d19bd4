import Actors
import Testing

struct RankingIndexTests {
    private static func player(_ number: Int, _ name: String, _ city: String = "Cali") -> RankedPlayer {
        RankedPlayer(id: id(number), username: name, city: city)
    }

    private static func index(_ tallies: [(String, Int)]) -> RankingIndex {
        RankingIndex(
            tallies.enumerated().map { PlayerTally(player: player($0.offset + 1, $0.element.0), votes: $0.element.1) })
    }

    @Test("equal votes share a position, and the next one counts them: 1, 2, 2, 4")
    func ties() {
        let index = Self.index([("a", 5), ("b", 9), ("c", 5), ("d", 1)])
        let rows = index.rows(in: nil, skip: 0, limit: 10)
        #expect(rows.map(\.position) == [1, 2, 2, 4])
        #expect(rows.map(\.username) == ["b", "a", "c", "d"])
        #expect(rows.map(\.votes) == [9, 5, 5, 1])
    }

    @Test("a page that begins among equals shows the same positions as the whole")
    func pages() {
        let index = Self.index((1...40).map { ("p\($0 + 100)", $0 / 7) })
        let whole = index.rows(in: nil, skip: 0, limit: 100)
        #expect(whole.count == 34)
        for skip in 0...35 {
            for limit in [1, 3, 100] {
                #expect(index.rows(in: nil, skip: skip, limit: limit) == Array(whole.dropFirst(skip).prefix(limit)))
            }
        }
    }

    @Test("equal votes are ordered by the bytes of the username")
    func bytes() {
        let names = ["a", "Z", "é", "e\u{301}", "z", "aa", "~", "10", "9", "ｚ", "𝒜"]
        let index = Self.index(names.map { ($0, 1) })
        let expected = names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        #expect(
            index.rows(in: nil, skip: 0, limit: 100).map { Array($0.username.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test("a city has its own order and positions, however its name is written")
    func cities() {
        let index = RankingIndex([
            PlayerTally(player: Self.player(1, "a", "Bogotá"), votes: 3),
            PlayerTally(player: Self.player(2, "b", "Cali"), votes: 9),
            PlayerTally(player: Self.player(3, "c", "BOGOTA"), votes: 7),
        ])
        let rows = index.rows(in: FoldedText("bogotá "), skip: 0, limit: 10)
        #expect(rows.map(\.username) == ["c", "a"])
        #expect(rows.map(\.position) == [1, 2])
        #expect(rows.map(\.city) == ["BOGOTA", "Bogotá"])
        #expect(index.count(in: FoldedText("bogota")) == 2)
        #expect(index.count(in: nil) == 3)
        #expect(index.count(in: FoldedText("Quito")) == 0)
        #expect(index.rows(in: FoldedText("Quito"), skip: 0, limit: 10).isEmpty)
    }

    @Test("changes show only when they are published")
    func publication() {
        var index = Self.index([("a", 1), ("b", 2)])
        index.add(5, to: id(1, User.self))
        #expect(index.rows(in: nil, skip: 0, limit: 10).map(\.votes) == [2, 1])
        index.publish()
        #expect(index.rows(in: nil, skip: 0, limit: 10).map(\.votes) == [6, 2])
    }

    @Test("a player without votes leaves the ranking and comes back with the next vote")
    func leaves() {
        var index = Self.index([("a", 2), ("b", 1)])
        index.add(-2, to: id(1, User.self))
        index.publish()
        #expect(index.rows(in: nil, skip: 0, limit: 10).map(\.username) == ["b"])
        #expect(index.count(in: FoldedText("Cali")) == 1)
        #expect(index.knows(id(1)))
        index.add(1, to: id(1, User.self))
        index.publish()
        #expect(index.rows(in: nil, skip: 0, limit: 10).map(\.position) == [1, 1])
    }

    @Test("thousands of merged changes end in the same ranking as a recount", arguments: [1, 2, 3, 4])
    func merges(_ seed: Int) {
        let random = SeededRandom(seed: UInt64(seed))
        let cities = ["Cali", "Bogotá", "Medellín", "cali"]
        let players = (0..<120).map { number in
            Self.player(number + 1, "p\(random.below(1_000_000))", cities[random.below(cities.count)])
        }
        var index = RankingIndex()
        var counts = [Int](repeating: 0, count: players.count)
        for round in 0..<1000 {
            for _ in 0..<random.below(8) {
                let chosen = random.below(players.count)
                let change = random.below(3) == 0 ? -counts[chosen] : random.below(4)
                counts[chosen] += change
                index.add(change, to: players[chosen])
            }
            index.publish()
            guard round % 50 == 49 else { continue }
            for city in [nil, FoldedText("CALI"), FoldedText("bogota"), FoldedText("medellin")] {
                let expected = Self.recount(players, counts, city)
                #expect(index.rows(in: city, skip: 0, limit: 1000) == expected)
                #expect(index.count(in: city) == expected.count)
            }
        }
    }

    private static func recount(_ players: [RankedPlayer], _ counts: [Int], _ city: FoldedText?) -> [RankingIndex.Row] {
        let listed = zip(players, counts).filter { $1 > 0 && (city == nil || FoldedText($0.city) == city) }
        let sorted = listed.sorted { left, right in
            left.1 != right.1
                ? left.1 > right.1 : Array(left.0.username.utf8).lexicographicallyPrecedes(Array(right.0.username.utf8))
        }
        return sorted.map { player, votes in
            RankingIndex.Row(
                position: 1 + listed.count { $0.1 > votes }, username: player.username, city: player.city, votes: votes)
        }
    }
}
