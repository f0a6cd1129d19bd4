import FoundationEssentials

/// What this process may use of the machine's memory.
package enum MachineMemory {
    /// Bytes: the machine's, or the least limit of the control groups that the process is in (cgroups(7), version 2) or
    /// that its container has.
    package static var bytes: Int64 {
        let machine = Int64(clamping: ProcessInfo.processInfo.physicalMemory)
        return limits(groups: text("/proc/self/cgroup") ?? "", read: text).reduce(machine, min)
    }

    /// - Parameters:
    ///   - groups: lines of `/proc/self/cgroup`.
    ///   - read: a file's text.
    package static func limits(groups: String, read: (String) -> String?) -> [Int64] {
        var folders = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory"]
        if let own = groups.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) {
            var folder = "/sys/fs/cgroup"
            for name in own.dropFirst("0::/".count).split(separator: "/") {
                folder += "/\(name)"
                folders.append(folder)
            }
        }
        // "max" and numbers beyond any machine mean no limit.
        return folders.flatMap { ["\($0)/memory.max", "\($0)/memory.limit_in_bytes"] }.compactMap { path in
            read(path).flatMap { Int64($0.filter { !$0.isWhitespace }) }
        }
    }

    private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}
