import Nodes
import Testing

@Suite("Auto scaling")
struct ScalingTests {
    private static func load(_ requests: Double, _ cpu: Double) -> ScalingPolicy.Load {
        ScalingPolicy.Load(requestsAMinute: requests, cpuPercent: cpu)
    }

    @Test("a node comes over 40 requests a node or 70 % CPU, and not beyond the most")
    func grows() {
        let policy = ScalingPolicy()
        #expect(policy.change(Self.load(41, 5), nodes: 1) == 1)
        #expect(policy.change(Self.load(40, 5), nodes: 1) == 0)
        #expect(policy.change(Self.load(1, 71), nodes: 1) == 1)
        #expect(policy.change(Self.load(81, 5), nodes: 2) == 1)
        #expect(policy.change(Self.load(1000, 99), nodes: 5) == 0)
        #expect(policy.change(Self.load(0, 0), nodes: 0) == 1)
    }

    @Test("one goes under 30 % CPU and 20 requests a node; literally, whatever the requests are")
    func shrinks() {
        let literal = ScalingPolicy(reading: .literal)
        #expect(ScalingPolicy().change(Self.load(40, 5), nodes: 2) == 0)
        #expect(literal.change(Self.load(40, 5), nodes: 2) == -1)
        #expect(ScalingPolicy().change(Self.load(39, 5), nodes: 2) == -1)
        #expect(ScalingPolicy().change(Self.load(39, 30), nodes: 2) == 0)
        #expect(ScalingPolicy().change(Self.load(0, 0), nodes: 1) == 0)
    }

    @Test(
        "two busy minutes in a row bring a node, fifteen quiet ones take one, and nothing changes within the cooldown")
    func cooldown() {
        var scaler = Scaler(policy: ScalingPolicy())
        #expect(scaler.change(Self.load(100, 5), nodes: 1, at: .seconds(60)) == 0)
        #expect(scaler.change(Self.load(100, 5), nodes: 1, at: .seconds(120)) == 1)
        #expect(scaler.change(Self.load(200, 5), nodes: 2, at: .seconds(419)) == 0)
        #expect(scaler.change(Self.load(200, 5), nodes: 2, at: .seconds(420)) == 1)
        for minute in 8...21 { #expect(scaler.change(Self.load(0, 0), nodes: 3, at: .seconds(60 * minute)) == 0) }
        #expect(scaler.change(Self.load(0, 0), nodes: 3, at: .seconds(1320)) == -1)
    }

    @Test("on a load of cheap requests the literal reading flaps, and ours does not; ours serves a rush and goes back")
    func plan() throws {
        // Half an hour of 50 a minute, a rush, and quiet again.
        let requests =
            [Double](repeating: 50, count: 90) + .init(repeating: 400, count: 30) + .init(repeating: 10, count: 90)
        let trace = LoadTrace(requests: requests)
        let (ours, literal) = (
            ScalingPlan(trace, policy: ScalingPolicy()), ScalingPlan(trace, policy: ScalingPolicy(reading: .literal))
        )
        #expect(literal.reversals > 10)
        #expect(ours.reversals == 0)
        #expect(ours.peak == 5 && ours.minutes.last?.running == 1)
        // A machine is paid for from the decision on, and serves three minutes later.
        let first = try #require(ours.minutes.firstIndex { $0.change == 1 })
        #expect(ours.minutes[first + 1].running == 2 && ours.minutes[first + 2].serving == 1)
        #expect(ours.minutes[first + 3].serving == 2)
    }

    @Test("a trace is read with and without a header, gaps are quiet, and a wrong line is named")
    func traces() throws {
        #expect(try LoadTrace(csv: "minute,requests\n0,5\n3, 7\n").requests == [5, 0, 0, 7])
        #expect(try LoadTrace(csv: "0,5\r\n1,2.5").requests == [5, 2.5])
        for csv in ["", "minute,requests\n", "0,5\n0,6", "0,-1", "0", "0,1,2", "0,1\nx,2", "0,inf", "999999999,1"] {
            #expect(throws: PlanFailure.self, "\(csv)") { try LoadTrace(csv: csv) }
        }
    }

    @Test("two checks in a row change a node's health")
    func health() {
        var tally = HealthTally()
        #expect(
            [true, false, true, true, false, true, false, false].map { tally.record($0) } == [
                false, false, false, true, false, false, false, true,
            ])
        #expect(!tally.isHealthy)
    }
}
