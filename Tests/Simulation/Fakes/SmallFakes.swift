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

/// Nobody logs in here.
struct FakeThrottle: ThrottleRepository {
    func spent(_ buckets: [ThrottleBucket]) async throws(RepositoryError) -> [Double] { buckets.map { _ in 0 } }
    func spend(_ costs: [ThrottleBucket: Int]) async throws(RepositoryError) {}
    func pruneBuckets() async throws(RepositoryError) {}
}
