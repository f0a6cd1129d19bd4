/// A kill -9 at one step of a run, with a restart ten seconds later; or a SIGTERM, with a restart once it has ended.
package struct Crash: Sendable, Equatable {
    package let process: Int
    package let step: Int
    package let drains: Bool

    package init(process: Int, step: Int, drains: Bool = false) {
        self.process = process
        self.step = step
        self.drains = drains
    }
}

/// Crashes, or drains, one process at every step of one seed's run, one run a step: each await is once the last thing
/// it does, or where all of its tasks learn that they are to end.
package struct Sweep: Sendable {
    package struct Failure: Sendable {
        package let step: Int
        package let message: String
    }

    /// Runs in which the process ran at that step, and so was killed or drained.
    package private(set) var crashes = 0
    package private(set) var failures: [Failure] = []
    /// Steps of the run without the crash.
    package let steps: Int

    /// - Parameter stride: 1 for every step, more for a sample.
    package init(_ seed: UInt64, process: Int, stride: Int = 1, drains: Bool = false) {
        steps = SeedResult.run(seed).steps
        for step in Swift.stride(from: 1, through: steps, by: stride) {
            let result = SeedResult.run(seed, crash: Crash(process: process, step: step, drains: drains))
            if result.crashed { crashes += 1 }
            if let failure = result.failure { failures.append(Failure(step: step, message: failure)) }
        }
    }
}
