struct Arguments {
    static let usage = """
        usage: simulate [--seeds A..<B | --seed N] [--twice] [--print-hash] [--timeline] [--shrink]
               simulate --sweep N | --sweep-api N     crash worker 0, or the API node, at every step of seed N
        """

    var seeds: Range<UInt64> = 0..<1000
    var isTwice = false
    var printsHash = false
    var showsTimeline = false
    var shrinks = false
    /// The process to crash at every step.
    var sweepsProcess: Int?

    init?(_ words: [String]) {
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--twice": isTwice = true
            case "--print-hash": printsHash = true
            case "--timeline": showsTimeline = true
            case "--shrink": shrinks = true
            case "--seed", "--sweep", "--sweep-api":
                guard let seed = rest.popFirst().flatMap({ UInt64($0) }), seed < .max else { return nil }
                seeds = seed..<(seed + 1)
                sweepsProcess = word == "--sweep" ? 1 : word == "--sweep-api" ? 0 : sweepsProcess
            case "--seeds":
                guard let bounds = rest.popFirst()?.split(separator: "..<"), bounds.count == 2,
                    let low = UInt64(bounds[0]), let high = UInt64(bounds[1]), low <= high
                else { return nil }
                seeds = low..<high
            default: return nil
            }
        }
    }
}
