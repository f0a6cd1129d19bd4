/// What one process of a run meets at one step.
package struct Crash: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// kill -9, and a restart ten seconds later.
        case kill
        /// SIGTERM, and a restart once it has ended.
        case drain
        /// All its tasks are cancelled, and a restart once it has ended.
        case cancel
    }

    package let process: Int
    package let step: Int
    package let kind: Kind

    package init(process: Int, step: Int, kind: Kind) {
        self.process = process
        self.step = step
        self.kind = kind
    }
}

/// Crashes, drains or cancels one process at every step of one seed's run, one run a step: each await is once the last
/// thing it does, or where all of its tasks learn that they are to end.
package struct Sweep: Sendable {
    package struct Failure: Sendable {
        package let step: Int
        package let message: String
    }

    /// Runs in which the process ran at that step, and so met what was planned.
    package private(set) var crashes = 0
    package private(set) var runs = 0
    package private(set) var failures: [Failure] = []
    /// Steps of the run without the crash.
    package let steps: Int

    /// - Parameters:
    ///   - stride: 1 for every step, more for a sample.
    ///   - isSmall: see `WorldShape.small`.
    package init(_ seed: UInt64, process: Int, kind: Crash.Kind, stride: Int = 1, isSmall: Bool = false) {
        steps = SeedResult.run(seed, isSmall: isSmall).steps
        for step in Swift.stride(from: 1, through: steps, by: stride) {
            let crash = Crash(process: process, step: step, kind: kind)
            let result = SeedResult.run(seed, crash: crash, isSmall: isSmall)
            runs += 1
            if result.crashed { crashes += 1 }
            if let failure = result.failure { failures.append(Failure(step: step, message: failure)) }
        }
    }
}
