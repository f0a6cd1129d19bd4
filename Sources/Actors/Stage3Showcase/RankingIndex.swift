/// The ranking as a value: who has how many votes, in order, over all and for each city.
///
/// Order: votes, most first, then username by UTF-8 bytes. Only players with a vote are in it. Changes are collected
/// and merged by `publish()` in one pass over each order that they touch.
package struct RankingIndex: Sendable {
    package struct Row: Sendable, Equatable {
        /// Shared by equal votes: 1, 2, 2, 4.
        package let position: Int
        package let username: String
        package let city: String
        package let votes: Int

        package init(position: Int, username: String, city: String, votes: Int) {
            self.position = position
            self.username = username
            self.city = city
            self.votes = votes
        }
    }

    private struct Entry {
        let player: RankedPlayer
        let city: FoldedText
        /// As collected.
        var votes: Int
        /// As in the orders.
        var publishedVotes: Int
    }

    private var slots: [UserID: Int] = [:]
    private var entries: [Entry] = []
    private var order: [Int] = []
    private var cityOrders: [FoldedText: [Int]] = [:]
    private var changed: Set<Int> = []

    package init(_ tallies: [PlayerTally] = []) {
        for tally in tallies { add(tally.votes, to: tally.player) }
        publish()
    }

    package func knows(_ player: UserID) -> Bool { slots[player] != nil }

    package mutating func add(_ votes: Int, to player: RankedPlayer) {
        if slots[player.id] == nil {
            slots[player.id] = entries.count
            entries.append(Entry(player: player, city: FoldedText(player.city), votes: 0, publishedVotes: 0))
        }
        add(votes, to: player.id)
    }

    /// The player must be known.
    package mutating func add(_ votes: Int, to player: UserID) {
        guard let slot = slots[player] else { preconditionFailure("votes for a player that was never introduced") }
        entries[slot].votes += votes
        changed.insert(slot)
    }

    /// Puts what changed in its place.
    package mutating func publish() {
        guard !changed.isEmpty else { return }
        var cities: [FoldedText: [Int]] = [:]
        for slot in changed { cities[entries[slot].city, default: []].append(slot) }
        order = merged(order, with: Array(changed))
        for (city, slots) in cities {
            let merged = merged(cityOrders[city] ?? [], with: slots)
            cityOrders[city] = merged.isEmpty ? nil : merged
        }
        for slot in changed { entries[slot].publishedVotes = entries[slot].votes }
        changed.removeAll(keepingCapacity: true)
    }

    /// How many players are listed.
    package func count(in city: FoldedText?) -> Int { list(city).count }

    package func rows(in city: FoldedText?, skip: Int, limit: Int) -> [Row] {
        let list = list(city)
        guard skip < list.count else { return [] }
        var rows: [Row] = []
        var position = firstIndex(ofVotes: entries[list[skip]].publishedVotes, in: list) + 1
        for index in skip..<min(list.count, skip + limit) {
            let entry = entries[list[index]]
            if index > 0, entries[list[index - 1]].publishedVotes != entry.publishedVotes { position = index + 1 }
            rows.append(
                Row(
                    position: position, username: entry.player.username, city: entry.player.city,
                    votes: entry.publishedVotes))
        }
        return rows
    }

    // MARK: - Order

    private func list(_ city: FoldedText?) -> [Int] {
        guard let city else { return order }
        return cityOrders[city] ?? []
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        let (a, b) = (entries[left], entries[right])
        if a.votes != b.votes { return a.votes > b.votes }
        return a.player.username.utf8.lexicographicallyPrecedes(b.player.username.utf8)
    }

    /// `old` without the changed slots is still in order; the changed ones are sorted and merged in.
    private func merged(_ old: [Int], with slots: [Int]) -> [Int] {
        let incoming = slots.filter { entries[$0].votes > 0 }.sorted(by: precedes)
        var result: [Int] = []
        result.reserveCapacity(old.count + incoming.count)
        var next = incoming.makeIterator()
        var candidate = next.next()
        for slot in old where !changed.contains(slot) {
            while let new = candidate, precedes(new, slot) {
                result.append(new)
                candidate = next.next()
            }
            result.append(slot)
        }
        while let new = candidate {
            result.append(new)
            candidate = next.next()
        }
        return result
    }

    private func firstIndex(ofVotes votes: Int, in list: [Int]) -> Int {
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) / 2
            if entries[list[middle]].publishedVotes > votes { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
