import Actors

/// ffprobe: every file is a short clip.
package struct FakeProbe: MediaProbe {
    package init() {}

    package func probe(_ file: LocalFile) async throws(MediaProbeError) -> MediaDescription {
        MediaDescription(container: .mp4, width: 1280, height: 720, duration: .seconds(20))
    }
}

/// A hash that costs nothing and hides nothing.
package struct FakeHasher: PasswordHasher {
    package init() {}

    package func hash(_ password: String) async throws(PasswordHasherError) -> String { "$fake$\(password)" }
    package func verify(_ password: String, against encoded: String?) async throws(PasswordHasherError) -> Bool {
        encoded == "$fake$\(password)"
    }
}

/// Standard output: adds up what the lines count.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
package final class FakeMetricSink: MetricSink, @unchecked Sendable {
    /// Videos that workers, or the Reconciler, said to have brought to an end.
    private(set) var tasks = 0
    package var dropped: Int { 0 }

    package func write(_ line: String) {
        guard let name = line.firstRange(of: "\"TaskCount\":") else { return }
        tasks += Int(line[name.upperBound...].prefix(while: \.isNumber)) ?? 0
    }
}

/// A process that uses nothing.
struct FakeMeter: ResourceMeter {
    func usage() -> ResourceUsage { ResourceUsage(cpu: .zero, residentBytes: 0) }
}

/// Nobody logs in here.
struct FakeThrottle: ThrottleRepository {
    func spent(_ buckets: [ThrottleBucket]) async throws(RepositoryError) -> [Double] { buckets.map { _ in 0 } }
    func spend(_ costs: [ThrottleBucket: Int]) async throws(RepositoryError) {}
    func pruneBuckets() async throws(RepositoryError) {}
}
