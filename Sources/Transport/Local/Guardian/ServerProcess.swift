import Glibc

/// A living process of the server that works in one data directory.
package struct ServerProcess: Equatable, Sendable {
    package let pid: pid_t
    /// Not the postmaster: a client's backend or one of the background processes.
    package let isBackend: Bool

    package init(pid: pid_t, isBackend: Bool) {
        self.pid = pid
        self.isBackend = isBackend
    }

    /// All processes of the server in `directory`. A process is known by its program and its working
    /// directory; where the kernel hides those of another user (a container without CAP_SYS_PTRACE), by the
    /// `cluster_name` that the guardian gives its server.
    package static func all(in directory: String) -> [ServerProcess] {
        guard let identity = FileIdentity(path: directory), let proc = opendir("/proc") else { return [] }
        defer { closedir(proc) }
        let marker = clusterName(of: identity)
        var found: [(pid: pid_t, parent: pid_t, isTitled: Bool)] = []
        while let entry = readdir(proc) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = pid_t(name), let parent = parent(of: pid) else { continue }
            let command = commandLine(of: pid)
            guard works(pid, in: identity) ?? command.contains(marker) else { continue }
            // The titles that PostgreSQL gives to all its processes but the postmaster.
            found.append((pid, parent, command.hasPrefix("postgres: ")))
        }
        let pids = Set(found.map(\.pid))
        return found.map { ServerProcess(pid: $0.pid, isBackend: $0.isTitled || pids.contains($0.parent)) }
    }

    /// The `cluster_name` of the server in a directory; PostgreSQL shows it in its processes' titles.
    static func clusterName(of directory: FileIdentity) -> String {
        "anb-\(String(directory.device, radix: 16))-\(String(directory.inode, radix: 16))"
    }

    /// Nil when the kernel does not tell.
    private static func works(_ pid: pid_t, in directory: FileIdentity) -> Bool? {
        guard let program = link("/proc/\(pid)/exe") else { return errno == EACCES ? nil : false }
        // An upgraded package leaves the running program without a name.
        let path = program.hasSuffix(" (deleted)") ? String(program.dropLast(10)) : program
        guard path.hasSuffix("/postgres"), let place = FileIdentity(path: "/proc/\(pid)/cwd") else { return false }
        return place.isSameFile(as: directory)
    }

    /// Nil for a process that has ended, reaped or not, and for what is not a PostgreSQL program.
    private static func parent(of pid: pid_t) -> pid_t? {
        guard let text = (try? FileContents.text("/proc/\(pid)/stat")) ?? nil,
            let close = text.lastIndex(of: ")"), text[..<close].hasSuffix("(postgres")
        else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 1, fields[0] != "Z", fields[0] != "X" else { return nil }
        return pid_t(fields[1])
    }

    private static func commandLine(of pid: pid_t) -> String {
        ((try? FileContents.text("/proc/\(pid)/cmdline")) ?? nil) ?? ""
    }

    private static func link(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            let length = readlink(path, buffer.baseAddress!, buffer.count)
            guard length >= 0 else { return nil }
            return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
