import Actors
import Transport

/// An open loop: requests are sent when they are due, whether or not earlier ones were answered.
package struct LoadRun: Sendable {
    /// Below the life of an access token.
    package static let maximumSeconds = 3000

    let clients: LoadClients
    let mix: LoadMix
    /// Requests a second.
    let rate: Double
    let length: Duration
    /// Requests without an answer at once; one that is due beyond it waits, and its wait counts.
    let maximumUnderWay: Int
    let seed: UInt64

    /// - Parameter progress: told each second how many are done.
    package func run(progress: @Sendable (Int, LoadRecorder) async -> Void) async -> LoadRecorder {
        let recorder = LoadRecorder()
        let clock = ContinuousClock()
        let start = clock.now
        let count = Int((rate * length.inSeconds).rounded())
        var random = SplitMix64(seed: seed)
        var underWay = 0
        var told = 0
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                let due = start + .seconds(Double(number) / rate)
                if due > clock.now { try? await clock.sleep(until: due) }
                if Task.isCancelled { break }
                while underWay >= maximumUnderWay {
                    await group.next()
                    underWay -= 1
                }
                let action = mix.action(random.next())
                let choice = random.next()
                underWay += 1
                group.addTask {
                    let status = await clients.perform(action, choice)
                    await recorder.record(
                        action, status: status, second: Int((due - start) / .seconds(1)), latency: clock.now - due)
                }
                let second = Int((due - start) / .seconds(1))
                if second > told {
                    told = second
                    await progress(second, recorder)
                }
            }
            await group.waitForAll()
        }
        return recorder
    }
}
