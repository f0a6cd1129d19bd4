import Actors

/// A client's request: its bytes come at the client's pace, or not to the end.
struct FakeUploadSource: UploadSource {
    private let title: String
    private let slices: Int
    private let pause: Duration
    private let breaksOff: Bool
    private var clock: SimulatedClock?

    init(title: String, simulation: Simulation) {
        self.title = title
        let tape = simulation.tape
        slices = 1 + tape.choose(3, .workload)
        pause = .nanoseconds(tape.nanoseconds(10_000_000...4_000_000_000, .workload))
        breaksOff = tape.choose(20, .workload) == 19
    }

    /// The same request, read by this process.
    func read(by node: SimulatedNode) -> Self {
        var request = self
        request.clock = SimulatedClock(node)
        return request
    }

    func deliver(to spool: any SpoolWriter, maximumBytes: Int64) async throws(UploadError) -> String {
        for number in 0..<slices {
            do { try await clock?.wait(pause) } catch { throw .interrupted }
            if breaksOff, number == slices - 1 { throw .interrupted }
            do {
                try withUnsafeBytes(of: UInt64(number)) { bytes throws(WorkspaceError) in try spool.write(bytes) }
            } catch {
                throw error == .full ? .full : .unavailable("\(error)")
            }
        }
        return title
    }
}
