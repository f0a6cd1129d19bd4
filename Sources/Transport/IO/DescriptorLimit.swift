import Glibc

/// How many descriptors this process may have open.
package enum DescriptorLimit {
    /// Enough for every connection that a node takes; more would only cost.
    private static let wanted: rlim_t = 65536

    /// Raises the soft limit towards the hard one, and tells what it is then.
    package static func raise() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        var higher = limit
        higher.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, wanted))
        if higher.rlim_cur != limit.rlim_cur, setrlimit(resource, &higher) == 0 { limit = higher }
        return Int(clamping: limit.rlim_cur)
    }
}
