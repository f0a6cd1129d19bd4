/// What a choice is about. Each stream has a generator of its own, so that one more fault does not shift the schedule.
package enum ChoiceStream: Int, Sendable, CaseIterable {
    case sched, latency, fault, workload, app
}

/// Every choice that a run made, by stream: what replays it, and what a shrinker zeroes.
package struct TapeRecording: Sendable, Equatable {
    /// Indexed by `ChoiceStream.rawValue`.
    package var choices: [[UInt64]]

    package init() {
        choices = Array(repeating: [], count: ChoiceStream.allCases.count)
    }

    package subscript(stream: ChoiceStream) -> [UInt64] {
        get { choices[stream.rawValue] }
        set { choices[stream.rawValue] = newValue }
    }

    /// Choices that are not the boring one.
    package var nonZeroCount: Int { choices.reduce(0) { $0 + $1.count { $0 != 0 } } }
}

/// The only source of chance of a run: the generators of a seed, or a recording.
///
/// Zero is the boring choice everywhere: the oldest job, the least latency, no fault.
package final class Tape {
    package let seed: UInt64
    private let replay: TapeRecording?
    private var generators: [Xoshiro]
    private var positions: [Int]
    package private(set) var recording = TapeRecording()

    package init(seed: UInt64) {
        self.seed = seed
        replay = nil
        generators = Self.generators(seed)
        positions = ChoiceStream.allCases.map { _ in 0 }
    }

    /// Replays `recording`: a choice among n is the recorded one modulo n, and 0 past the recording's end.
    package init(seed: UInt64, replaying recording: TapeRecording) {
        self.seed = seed
        replay = recording
        generators = Self.generators(seed)
        positions = ChoiceStream.allCases.map { _ in 0 }
    }

    /// One of 0 ..< `count`; with one alternative nothing is consumed.
    package func choose(_ count: Int, _ stream: ChoiceStream) -> Int {
        guard count > 1 else { return 0 }
        let bound = UInt64(count)
        let choice = replayed(stream).map { $0 % bound } ?? generators[stream.rawValue].next(upperBound: bound)
        recording.choices[stream.rawValue].append(choice)
        return Int(choice)
    }

    /// True in `permille` of a thousand cases.
    package func chance(_ permille: Int, _ stream: ChoiceStream) -> Bool {
        guard permille > 0 else { return false }
        return choose(1000, stream) >= 1000 - permille
    }

    /// Uniform in the range, in nanoseconds; its start is the boring choice.
    package func duration(_ range: ClosedRange<Duration>, _ stream: ChoiceStream) -> Duration {
        let low = range.lowerBound
        let microseconds = Int((range.upperBound - low) / .microseconds(1))
        return low + .microseconds(choose(microseconds + 1, stream))
    }

    /// A whole word for ids and jitter. Past a recording's end the seed's generator goes on: ids must stay distinct.
    package func word(_ stream: ChoiceStream) -> UInt64 {
        let position = positions[stream.rawValue]
        let word: UInt64
        if let replay, position < replay[stream].count {
            word = replayed(stream) ?? 0
        } else {
            word = generators[stream.rawValue].next()
        }
        recording.choices[stream.rawValue].append(word)
        return word
    }

    private func replayed(_ stream: ChoiceStream) -> UInt64? {
        guard let replay else { return nil }
        let position = positions[stream.rawValue]
        positions[stream.rawValue] += 1
        let recorded = replay[stream]
        return position < recorded.count ? recorded[position] : 0
    }

    private static func generators(_ seed: UInt64) -> [Xoshiro] {
        ChoiceStream.allCases.map { Xoshiro(seed: seed &* 0xD134_2543_DE82_EF95 &+ UInt64($0.rawValue)) }
    }
}
