/// What one seed came to.
package struct SeedResult: Sendable {
    package let seed: UInt64
    package let failure: String?
    package let traceHash: UInt64
    package private(set) var trace: Trace
    package private(set) var recording: TapeRecording
    package let steps: Int
    package let isCalm: Bool
    package let kills: Int
    package let redeliveries: Int
    package let redispatches: Int

    /// Votes that were told that they count.
    package let votes: Int
    /// Whether the planned crash met a process that ran.
    package let crashed: Bool
    package let coverage: Coverage

    /// What takes memory is left out; the seed gives it again.
    package var withoutTape: SeedResult {
        var result = self
        result.trace = Trace(keepsText: false)
        result.recording = TapeRecording()
        return result
    }

    /// Runs the seed's world to its end, or `recording` in place of the seed's choices.
    /// - Parameters:
    ///   - isSmall: see `WorldShape.small`.
    ///   - keepsText: whether the trace can be read; its hash is the same either way.
    package static func run(
        _ seed: UInt64, replaying recording: TapeRecording? = nil, crash: Crash? = nil, isSmall: Bool = false,
        keepsText: Bool = false
    ) -> SeedResult {
        let tape = recording.map { Tape(seed: seed, replaying: $0) } ?? Tape(seed: seed)
        let world = World(tape: tape, crash: crash, isSmall: isSmall, keepsText: keepsText)
        world.run()
        let result = SeedResult(
            seed: seed, failure: world.simulation.failure, traceHash: world.simulation.trace.hash,
            trace: world.simulation.trace, recording: tape.recording, steps: world.simulation.steps,
            isCalm: world.plan.isCalm, kills: world.kills, redeliveries: world.invariants.redeliveries,
            redispatches: world.invariants.redispatches, votes: world.voters.votes, crashed: world.crashed,
            coverage: world.invariants.coverage)
        world.tearDown()
        return result
    }
}
