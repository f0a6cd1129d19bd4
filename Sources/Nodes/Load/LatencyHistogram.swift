/// Latencies in buckets that are at most 1/64 of their value wide, as HDR histograms have them: one nanosecond to an
/// hour in a few kilobytes, and any percentile of them.
package struct LatencyHistogram: Sendable, Equatable {
    private static let subBits = 6
    private static let subBuckets = 1 << subBits

    private var counts: [Int] = []
    package private(set) var count = 0
    package private(set) var maximum: Duration = .zero

    package init() {}

    package mutating func record(_ latency: Duration) {
        let value = UInt64(max(0, latency.nanoseconds))
        let index = Self.index(of: value)
        if index >= counts.count { counts += [Int](repeating: 0, count: index + 1 - counts.count) }
        counts[index] += 1
        count += 1
        maximum = max(maximum, latency)
    }

    /// The latency that `percent` of all do not exceed, at most 1/64 above the true one; zero without any.
    package func percentile(_ percent: Double) -> Duration {
        guard count > 0 else { return .zero }
        let wanted = max(1, Int((Double(count) * percent / 100).rounded(.up)))
        var seen = 0
        for (index, count) in counts.enumerated() {
            seen += count
            if seen >= wanted { return min(maximum, .nanoseconds(Int64(Self.upperBound(of: index)))) }
        }
        return maximum
    }

    package static func += (left: inout Self, right: Self) {
        if right.counts.count > left.counts.count {
            left.counts += [Int](repeating: 0, count: right.counts.count - left.counts.count)
        }
        for (index, count) in right.counts.enumerated() { left.counts[index] += count }
        left.count += right.count
        left.maximum = max(left.maximum, right.maximum)
    }

    /// Values below 64 have a bucket each; above, each power of two has 64.
    private static func index(of value: UInt64) -> Int {
        guard value >= UInt64(subBuckets) else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - subBits
        return (shift + 1) * subBuckets + Int(value >> UInt64(shift)) - subBuckets
    }

    private static func upperBound(of index: Int) -> UInt64 {
        guard index >= subBuckets else { return UInt64(index) }
        let shift = index / subBuckets - 1
        let base = UInt64(index % subBuckets + subBuckets)
        return ((base + 1) << UInt64(shift)) - 1
    }
}
