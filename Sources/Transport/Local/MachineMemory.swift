import FoundationEssentials

/// What this process may use of the machine's memory.
package enum MachineMemory {
    /// Bytes: the machine's, or its control group's limit where that is less.
    package static var bytes: Int64 {
        let machine = Int64(clamping: ProcessInfo.processInfo.physicalMemory)
        // Version 2 and version 1 of control groups, as a container sees its own; "max" and huge numbers mean no limit.
        let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].compactMap { path in
            (try? String(contentsOfFile: path, encoding: .utf8)).flatMap { text in
                Int64(text.filter(\.isNumber))
            }
        }
        return limits.reduce(machine, min)
    }
}
