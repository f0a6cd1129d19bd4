/// What clients do, and in which proportion: `rankings=50,list=30,vote=15,login=3,signup=1,upload=1`.
package struct LoadMix: Sendable, Equatable {
    package enum Action: String, Sendable, CaseIterable {
        /// GET of the public list, recent or by votes.
        case list
        case rankings
        case vote
        case login
        case signup
        case upload
        case health
    }

    package static let usual = "rankings=50,list=30,vote=15,login=3,signup=1,upload=1"

    /// Each action as often as its weight says.
    private let wheel: [Action]

    /// Nil unless `text` is such a list with weights from 1 to 1,000.
    package init?(_ text: String) {
        var wheel: [Action] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = item.split(separator: "=", omittingEmptySubsequences: false)
            guard words.count == 2, let action = Action(rawValue: String(words[0])), let weight = Int(words[1]),
                (1...1000).contains(weight), !wheel.contains(action)
            else { return nil }
            wheel += [Action](repeating: action, count: weight)
        }
        self.wheel = wheel
    }

    package func action(_ random: UInt64) -> Action { wheel[Int(random % UInt64(wheel.count))] }
    package func holds(_ action: Action) -> Bool { wheel.contains(action) }
}
