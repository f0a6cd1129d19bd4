/// Frames a second of a published clip. Each has bumpers of its own, for a join by copying needs equal steps.
package enum ClipRate: Int, Codable, Sendable, CaseIterable {
    case film = 24
    case european = 25
    case standard = 30

    /// The rate that gives an original's movement even steps: its own, an even part of it (a half of 48, 50 and 60), or a
    /// multiple (the double of 12 and 15). The highest that fits; what has no steady rate gets 30.
    ///
    /// A hundredth more or less is taken for the same: 23.976 is 24 (one picture in 1001 is shown twice), and a short clip's
    /// average is changed by its last picture.
    package init(of original: Double?) {
        let fitting = Self.allCases.reversed().first { rate in
            guard let original else { return false }
            guard original > 0, original.isFinite else { return false }
            let times = original / Double(rate.rawValue)
            let steps = max(times, 1 / times)
            return abs(steps - steps.rounded()) < 0.01 * steps
        }
        self = fitting ?? .standard
    }

    package var framesPerSecond: Int { rawValue }

    package func duration(frames: Int) -> Duration { .seconds(frames) / rawValue }

    func microseconds(frames: Int) -> Int { (frames * 1_000_000 + rawValue / 2) / rawValue }
}
