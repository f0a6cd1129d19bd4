import Actors
import FoundationEssentials
import Glibc

/// The machine's monotonic clock; goes on while the process is stopped, so that a lease seen after SIGCONT is over.
package struct SystemClock: NodeClock {
    private static let clock = ContinuousClock()
    private static let origin = clock.now

    package init() {}

    package var now: MonotonicInstant { MonotonicInstant(nanoseconds: (Self.clock.now - Self.origin).nanoseconds) }
    package var minimumResolution: Duration { Self.clock.minimumResolution }

    package func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        try await Task.sleep(
            until: Self.origin.advanced(by: .nanoseconds(deadline.nanoseconds)), tolerance: tolerance,
            clock: Self.clock)
    }
}

package struct SystemWallClock: WallClock {
    package init() {}
    package var now: Date { Date() }
}

package struct SystemRandomSource: RandomSource {
    package init() {}

    package func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

/// CPU time by getrusage(2), resident memory by /proc/self/statm.
package struct ProcessMeter: ResourceMeter {
    package init() {}

    package func usage() -> ResourceUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let cpu = Self.duration(usage.ru_utime) + Self.duration(usage.ru_stime)
        return ResourceUsage(cpu: cpu, residentBytes: Self.residentPages() * Int64(sysconf(Int32(_SC_PAGESIZE))))
    }

    private static func duration(_ time: timeval) -> Duration {
        .seconds(Int64(time.tv_sec)) + .microseconds(Int64(time.tv_usec))
    }

    /// Field 2 of statm; see proc(5).
    private static func residentPages() -> Int64 {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Int64(fields[1]) ?? 0 : 0
    }
}
