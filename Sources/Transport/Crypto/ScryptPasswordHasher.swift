import Actors
import Crypto
import CryptoExtras
import DequeModule
import FoundationEssentials
import Glibc
import Synchronization

/// scrypt (RFC 7914) with N = 2^14, r = 8, p = 5, as PHC strings.
///
/// A hash takes tens of milliseconds of CPU, so they are made one after the other on one thread of its own at nice 10,
/// where they delay nobody. Bound: `capacity` requests wait; beyond it `.busy`.
package final class ScryptPasswordHasher: PasswordHasher {
    package static let capacity = 256
    private static let logRounds = 14
    private static let blockSize = 8
    private static let parallelism = 5
    private static let saltBytes = 16
    private static let hashBytes = 32

    private let state = Mutex(State())
    private let work = WorkSignal()
    /// What a login of an unknown account is compared with.
    private let decoy: String

    private struct Job {
        let id: Int
        let password: String
        let salt: [UInt8]
        let continuation: CheckedContinuation<[UInt8]?, Never>
    }

    private struct State {
        var jobs: Deque<Job> = []
        var nextID = 0
        var started = false
    }

    package init() {
        decoy = Self.encode(
            salt: [UInt8](repeating: 0, count: Self.saltBytes), hash: [UInt8](repeating: 0, count: Self.hashBytes))
    }

    package func hash(_ password: String) async throws(PasswordHasherError) -> String {
        let salt = (0..<Self.saltBytes).map { _ in UInt8.random(in: .min ... .max) }
        return Self.encode(salt: salt, hash: try await derive(password, salt: salt))
    }

    package func verify(_ password: String, against encoded: String?) async throws(PasswordHasherError) -> Bool {
        guard let (salt, expected) = Self.decode(encoded ?? decoy) else { return false }
        let actual = try await derive(password, salt: salt)
        var difference: UInt8 = expected.count == actual.count ? 0 : 1
        for (left, right) in zip(expected, actual) { difference |= left ^ right }
        return difference == 0 && encoded != nil
    }

    // MARK: - The thread

    private func derive(_ password: String, salt: [UInt8]) async throws(PasswordHasherError) -> [UInt8] {
        let hash = await withCheckedContinuation { continuation in
            let accepted = state.withLock { state in
                guard state.jobs.count < Self.capacity else { return false }
                state.jobs.append(
                    Job(id: state.nextID, password: password, salt: salt, continuation: continuation))
                state.nextID += 1
                if !state.started {
                    state.started = true
                    startThread()
                }
                return true
            }
            if accepted { work.signal() } else { continuation.resume(returning: nil) }
        }
        guard let hash else { throw .busy }
        return hash
    }

    private func startThread() {
        var thread = pthread_t()
        // The thread holds the hasher for the life of the process; it sleeps when there is nothing to do.
        let context = Unmanaged.passRetained(self)
        pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                let hasher = Unmanaged<ScryptPasswordHasher>.fromOpaque(raw).takeRetainedValue()
                // 0 names the calling thread: on Linux a nice value is a thread's own; see setpriority(2), "C library/kernel differences".
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
                hasher.serve()
                return nil
            }, context.toOpaque())
        pthread_detach(thread)
    }

    private func serve() {
        while true {
            work.wait()
            guard let job = state.withLock({ $0.jobs.popFirst() }) else { continue }
            let key = try? KDF.Scrypt.deriveKey(
                from: Data(job.password.utf8), salt: job.salt, outputByteCount: Self.hashBytes,
                rounds: 1 << Self.logRounds, blockSize: Self.blockSize, parallelism: Self.parallelism)
            job.continuation.resume(returning: key?.withUnsafeBytes { Array($0) })
        }
    }

    // MARK: - PHC strings

    private static func encode(salt: [UInt8], hash: [UInt8]) -> String {
        "$scrypt$ln=\(logRounds),r=\(blockSize),p=\(parallelism)$\(base64(salt))$\(base64(hash))"
    }

    private static func decode(_ text: String) -> (salt: [UInt8], hash: [UInt8])? {
        let parts = text.split(separator: "$")
        guard parts.count == 4, parts[0] == "scrypt",
            parts[1] == "ln=\(logRounds),r=\(blockSize),p=\(parallelism)",
            let salt = bytes(parts[2]), let hash = bytes(parts[3])
        else { return nil }
        return (salt, hash)
    }

    /// Without padding, as the PHC string format has it.
    private static func base64(_ bytes: [UInt8]) -> String {
        String(Data(bytes).base64EncodedString().prefix { $0 != "=" })
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text + padding).map(Array.init)
    }
}

/// A counting semaphore for one thread that has nothing else to do than wait.
///
/// Proof of `@unchecked Sendable`: sem_t is made for use from any thread; it is never moved, and freed with its owner.
private final class WorkSignal: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }
    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 {} }
}
