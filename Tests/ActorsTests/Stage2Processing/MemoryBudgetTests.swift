import Actors
import Testing

struct MemoryBudgetTests {
    /// A job that holds its memory until it is told to end.
    private final class Job: Sendable {
        let hasBegun = Box(false)
        let end = Signal()
        private let budget: MemoryBudget
        private let bytes: Int64

        init(_ budget: MemoryBudget, _ bytes: Int64) {
            self.budget = budget
            self.bytes = bytes
        }

        func run() async -> Bool {
            do {
                try await budget.reserving(bytes) { () async throws(TranscodeError) in
                    hasBegun.change { $0 = true }
                    for await _ in end.elements { return }
                    throw .failed(detail: "cancelled")
                }
                return true
            } catch {
                return false
            }
        }
    }

    private let world = World()
    private let budget = MemoryBudget(capacity: 100)

    private func start(_ bytes: Int64) -> (job: Job, run: Running<Bool>) {
        let job = Job(budget, bytes)
        return (job, world.start { await job.run() })
    }

    @Test("jobs run together as far as the memory goes, and the next one begins when one ends")
    func together() throws {
        let (first, second, third) = (start(60), start(40), start(1))
        #expect(first.job.hasBegun.value && second.job.hasBegun.value && !third.job.hasBegun.value)
        second.job.end.raise()
        world.settle()
        #expect(third.job.hasBegun.value)
        for job in [first.job, third.job] { job.end.raise() }
        world.settle()
        let state = try world.value { await budget.state }
        #expect(state == (0, 0))
    }

    @Test("a large job is not passed over by small ones that came later")
    func order() {
        let first = start(60)
        let large = start(90)
        let small = start(10)
        #expect(!large.job.hasBegun.value && !small.job.hasBegun.value)
        first.job.end.raise()
        world.settle()
        #expect(large.job.hasBegun.value && small.job.hasBegun.value)
    }

    @Test("a job that needs more than there is runs alone")
    func tooLarge() {
        let huge = start(1_000_000)
        let next = start(1)
        #expect(huge.job.hasBegun.value && !next.job.hasBegun.value)
        huge.job.end.raise()
        world.settle()
        #expect(next.job.hasBegun.value)
    }

    @Test("one that is cancelled in the line leaves it, and those behind it move up")
    func cancelled() throws {
        let first = start(60)
        let waiting = start(90)
        let behind = start(20)
        waiting.run.cancel()
        world.settle()
        #expect(waiting.run.value == false && !waiting.job.hasBegun.value)
        #expect(behind.job.hasBegun.value)
        first.run.cancel()
        behind.job.end.raise()
        world.settle()
        let state = try world.value { await budget.state }
        #expect(state == (0, 0))
    }
}
