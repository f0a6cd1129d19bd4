import Actors
import Nodes
import Testing

@Suite("Load")
struct LoadTests {
    @Test("percentiles are at most 1/64 above the true ones, from nanoseconds to an hour")
    func percentiles() {
        var generator = SplitMix64(seed: 3)
        var values: [Int64] = []
        var histogram = LatencyHistogram()
        for _ in 0..<20_000 {
            let value = Int64(generator.next() >> (10 + generator.next() % 54)) % 3_600_000_000_000
            values.append(value)
            histogram.record(.nanoseconds(value))
        }
        values.sort()
        for percent in [0.01, 1, 50, 90, 99, 99.9, 100] {
            let exact = values[max(0, Int((Double(values.count) * percent / 100).rounded(.up)) - 1)]
            let told = histogram.percentile(percent).nanoseconds
            #expect(told >= exact && told <= exact + exact / 64 + 1, "\(percent): \(told) for \(exact)")
        }
        #expect(histogram.count == 20_000 && histogram.maximum == .nanoseconds(values[values.count - 1]))
        #expect(LatencyHistogram().percentile(99) == .zero)
    }

    @Test("two histograms make the one of all")
    func sum() {
        var (left, right, all) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for number in 1...1000 {
            let latency = Duration.microseconds(number * number)
            if number % 3 == 0 { left.record(latency) } else { right.record(latency) }
            all.record(latency)
        }
        left += right
        #expect(left == all)
    }

    @Test("a mix gives each action its share, and nonsense is none")
    func mix() throws {
        let mix = try #require(LoadMix("list=3,vote=1"))
        #expect((0..<4).map { mix.action(UInt64($0)) } == [.list, .list, .list, .vote])
        #expect(mix.holds(.vote) && !mix.holds(.upload))
        #expect(LoadMix(LoadMix.usual) != nil)
        for text in ["", "list", "list=0", "list=x", "fly=1", "list=1,list=2", "list=1,", "list=1001"] {
            #expect(LoadMix(text) == nil, "\(text)")
        }
    }

    @Test("a report counts what failed, and draws each second")
    func report() async throws {
        let recorder = LoadRecorder()
        for number in 0..<100 {
            await recorder.record(
                .list, status: number % 10 == 0 ? 503 : 200, second: number / 25, latency: .milliseconds(number + 1))
        }
        await recorder.record(.vote, status: 400, second: 3, latency: .milliseconds(2))
        let report = LoadReport(
            url: "http://a<b", mix: "list=1", rate: 25, length: .seconds(4), outcomes: await recorder.outcomes,
            seconds: await recorder.seconds)
        #expect(report.failures == 10)
        #expect(report.json["count"] == .number(101) && report.json["rate"] == .number(25.25))
        #expect(report.json["actions"]?["list"]?["statuses"]?["503"] == .number(10))
        #expect(report.text.contains("200 ×90, 503 ×10") && report.text.contains("10 failed"))
        let plot = report.plot
        #expect(plot.hasPrefix("<svg") && plot.contains("a&lt;b") && !plot.contains("a<b"))
        #expect(plot.split(separator: "<polyline").count == 6 && !plot.contains("nan") && !plot.contains("inf"))
    }
}
