import Actors
import Testing

struct ClocksTests {
    @Test("a duration has whole nanoseconds and a fraction of seconds")
    func conversions() {
        let duration = Duration.milliseconds(1500)
        #expect(duration.nanoseconds == 1_500_000_000)
        #expect(duration.milliseconds == 1500)
        #expect(duration.inSeconds == 1.5)
        #expect((Duration.zero - duration).nanoseconds == -1_500_000_000)
        #expect(Duration(secondsComponent: 0, attosecondsComponent: 999_999_999).nanoseconds == 0)
    }

    @Test("a duration beyond 292 years saturates")
    func saturation() {
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect((Duration.seconds(9_223_372_036) + .milliseconds(999)).nanoseconds == .max)
    }

    @Test("an instant advanced by a duration is that far away")
    func instants() {
        let start = MonotonicInstant(nanoseconds: 5)
        let end = start.advanced(by: .seconds(2))
        #expect(end.nanoseconds == 2_000_000_005)
        #expect(start.duration(to: end) == .seconds(2))
        #expect(end.duration(to: start) == .seconds(-2))
        #expect(start < end && !(end < start))
    }

    @Test("a wait ends at its time, and at once when it is cancelled")
    func wait() throws {
        let world = World()
        let waits = (0..<2).map { _ in
            world.start { do { try await world.clock.wait(.seconds(3)); return "over" } catch { return "cancelled" } }
        }
        world.advance(.milliseconds(2999))
        #expect(waits.allSatisfy { !$0.isOver })
        waits[1].cancel()
        world.settle()
        #expect(waits[1].value == "cancelled")
        world.advance(.milliseconds(1))
        #expect(waits[0].value == "over")
    }
}

struct BackoffTests {
    @Test("each wait lies between a tenth of its bound and the bound, which doubles up to the maximum")
    func bounds() {
        for seed in 0..<50 {
            var backoff = Backoff(
                base: .milliseconds(100), maximum: .seconds(1), random: SeededRandom(seed: UInt64(seed)))
            for bound in [100, 200, 400, 800, 1000, 1000] {
                let wait = backoff.next()
                #expect(wait >= .milliseconds(bound) / 10 && wait <= .milliseconds(bound))
            }
        }
    }

    @Test("the ends of the range are reached by the ends of chance")
    func ends() {
        var lowest = Backoff(base: .seconds(1), maximum: .seconds(60), random: FixedRandom(value: 0))
        #expect(lowest.next() == .milliseconds(100))
        var highest = Backoff(base: .seconds(1), maximum: .seconds(60), random: FixedRandom(value: .max))
        #expect(highest.next() > .milliseconds(999))
        #expect(highest.next() > .milliseconds(1999))
    }

    @Test("a reset begins again, and a thousand waits never pass the maximum")
    func resets() {
        var backoff = Backoff(base: .milliseconds(10), maximum: .seconds(5), random: FixedRandom(value: .max))
        for _ in 0..<1000 { #expect(backoff.next() <= .seconds(5)) }
        backoff.reset()
        #expect(backoff.next() <= .milliseconds(10))
    }

    @Test("a unit is uniform in 0 ..< 1")
    func unit() {
        #expect(FixedRandom(value: 0).unit() == 0)
        #expect(FixedRandom(value: .max).unit() < 1)
        let random = SeededRandom()
        let mean = (0..<10_000).map { _ in random.unit() }.reduce(0, +) / 10_000
        #expect(abs(mean - 0.5) < 0.02)
    }
}
