import Glibc
import Synchronization

/// Counts jobs that simulated code hands to the global executor: an unstructured task does not inherit the preference
/// of its maker, so it would run outside the simulation, in an order of its own.
///
/// It rests on a symbol of the runtime (`swift_task_enqueueGlobal_hook`), so it serves tests only and is absent without
/// harm where the symbol is.
package enum EscapeDetector {
    private typealias Original = @convention(thin) (UnownedJob) -> Void
    private typealias Hook = @convention(thin) (UnownedJob, Original) -> Void

    private static let count = Atomic<Int>(0)
    /// How many runs each thread is inside of; other jobs on it (the test runner's) are not counted.
    private static let threads = Mutex<[UInt: Int]>([:])
    private static let isInstalled = Atomic<Bool>(false)

    /// Jobs that escaped since the start of the process.
    package static var escapes: Int { count.load(ordering: .sequentiallyConsistent) }

    /// - Returns: false where the runtime has no such hook.
    package static func install() -> Bool {
        guard !isInstalled.load(ordering: .sequentiallyConsistent) else { return true }
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "swift_task_enqueueGlobal_hook") else { return false }
        let hook: Hook = { job, original in
            EscapeDetector.noteGlobalEnqueue()
            original(job)
        }
        symbol.withMemoryRebound(to: Optional<Hook>.self, capacity: 1) { $0.pointee = hook }
        isInstalled.store(true, ordering: .sequentiallyConsistent)
        return true
    }

    static func enter() {
        guard isInstalled.load(ordering: .relaxed) else { return }
        threads.withLock { $0[UInt(pthread_self()), default: 0] += 1 }
    }

    static func leave() {
        guard isInstalled.load(ordering: .relaxed) else { return }
        threads.withLock { $0[UInt(pthread_self())] = nil }
    }

    private static func noteGlobalEnqueue() {
        guard threads.withLock({ $0[UInt(pthread_self())] != nil }) else { return }
        count.add(1, ordering: .sequentiallyConsistent)
    }
}
