/// Frames a second of a published clip. Each has bumpers of its own, for a join by copying needs equal steps.
package enum ClipRate: Int, Codable, Sendable, CaseIterable {
    case film = 24
    case european = 25
    case standard = 30

    /// The rate that gives an original's movement even steps: its own, or an even part of it (a half of 48, 50 and 60).
    /// The highest that fits; what has no steady rate gets 30.
    ///
    /// 23.976 counts as 24, 59.94 as 60: one picture in 1001 is shown twice.
    package init(of original: Double?) {
        let fitting = Self.allCases.reversed().first { rate in
            guard let original else { return false }
            let times = original / Double(rate.rawValue)
            return times > 0.9 && abs(times - times.rounded()) < 0.002 * times
        }
        self = fitting ?? .standard
    }

    package var framesPerSecond: Int { rawValue }

    package func duration(frames: Int) -> Duration { .seconds(frames) / rawValue }

    func microseconds(frames: Int) -> Int { (frames * 1_000_000 + rawValue / 2) / rawValue }
}
