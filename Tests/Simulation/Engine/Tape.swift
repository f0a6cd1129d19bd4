import Actors

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
    /// One stream's generator, and what was taken from it.
    private final class Channel {
        private var generator: Xoshiro
        private let replay: [UInt64]?
        private(set) var recorded: [UInt64] = []

        init(_ generator: Xoshiro, replaying replay: [UInt64]?) {
            self.generator = generator
            self.replay = replay
            recorded.reserveCapacity(4096)
        }

        func choose(_ bound: UInt64) -> UInt64 {
            let choice: UInt64
            if let replay {
                choice = recorded.count < replay.count ? replay[recorded.count] % bound : 0
            } else {
                choice = generator.next(upperBound: bound)
            }
            recorded.append(choice)
            return choice
        }

        func word() -> UInt64 {
            // Past a recording's end no word may come a second time.
            var word = generator.next()
            if let replay, recorded.count < replay.count { word = replay[recorded.count] }
            recorded.append(word)
            return word
        }
    }

    package let seed: UInt64
    private let channels: [Channel]

    package convenience init(seed: UInt64) { self.init(seed, nil) }

    /// Replays `recording`: a choice among n is the recorded one modulo n, and 0 past the recording's end.
    package convenience init(seed: UInt64, replaying recording: TapeRecording) { self.init(seed, recording) }

    private init(_ seed: UInt64, _ recording: TapeRecording?) {
        self.seed = seed
        channels = ChoiceStream.allCases.map { stream in
            let generator = Xoshiro(seed: seed &* 0xD134_2543_DE82_EF95 &+ UInt64(stream.rawValue))
            return Channel(generator, replaying: recording.map { $0[stream] })
        }
    }

    package var recording: TapeRecording {
        var recording = TapeRecording()
        for stream in ChoiceStream.allCases { recording[stream] = channels[stream.rawValue].recorded }
        return recording
    }

    /// One of 0 ..< `count`; with one alternative nothing is consumed.
    package func choose(_ count: Int, _ stream: ChoiceStream) -> Int {
        guard count > 1 else { return 0 }
        return Int(channels[stream.rawValue].choose(UInt64(count)))
    }

    /// True in `permille` of a thousand cases.
    package func chance(_ permille: Int, _ stream: ChoiceStream) -> Bool {
        guard permille > 0 else { return false }
        return choose(1000, stream) >= 1000 - permille
    }

    /// Uniform in the range of nanoseconds, in steps of a microsecond; its start is the boring choice.
    package func nanoseconds(_ range: ClosedRange<Int64>, _ stream: ChoiceStream) -> Int64 {
        range.lowerBound + 1000 * Int64(choose(Int((range.upperBound - range.lowerBound) / 1000) + 1, stream))
    }

    /// Uniform in the range; its start is the boring choice.
    package func duration(_ range: ClosedRange<Duration>, _ stream: ChoiceStream) -> Duration {
        .nanoseconds(nanoseconds(range.lowerBound.nanoseconds...range.upperBound.nanoseconds, stream))
    }

    /// A whole word for ids and jitter. Past a recording's end the seed's generator goes on: ids must stay distinct.
    package func word(_ stream: ChoiceStream) -> UInt64 { channels[stream.rawValue].word() }
}
