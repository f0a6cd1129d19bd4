import Simulation
import Testing

@Suite("The world")
struct WorldTests {
    @Test("no invariant fails in any of 60 seeds")
    func seeds() {
        for seed in UInt64(0)..<60 {
            let result = SeedResult.run(seed)
            #expect(result.failure == nil, "reproduce: simulate --seed \(seed) --timeline")
        }
    }

    @Test("the seeds are not idle: they kill, deliver again, and some are calm")
    func coverage() {
        let results = (UInt64(0)..<60).map { SeedResult.run($0) }
        #expect(results.contains { $0.isCalm })
        #expect(results.contains { $0.kills > 0 })
        #expect(results.contains { $0.redeliveries > 0 })
        #expect(results.contains { $0.redispatches > 0 })
    }
}
