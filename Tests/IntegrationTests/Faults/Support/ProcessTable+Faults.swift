import Glibc

extension ProcessTable {
    /// The process, as it was started; spaces between the words.
    static func command(of pid: pid_t) -> String {
        String(decoding: (Files.bytes("/proc/\(pid)/cmdline") ?? []).map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
    }

    /// ffmpeg and ffprobe at work on files of a data folder, whoever started them.
    static func mediaTools(of dataFolder: String) -> [pid_t] {
        entries().filter { entry in
            ["ffmpeg", "ffprobe"].contains(entry.name) && command(of: entry.pid).contains(dataFolder + "/")
        }.map(\.pid)
    }

    static func guardian(of dataFolder: String) -> pid_t? {
        entries().first { command(of: $0.pid).contains(" guardian \(dataFolder)") }?.pid
    }

    /// The server's first process, when it lives.
    static func postmaster(of dataFolder: String) -> pid_t? {
        let lines = RunningProgram.text("\(dataFolder)/pg/postmaster.pid").split(separator: "\n")
        guard let pid = lines.first.flatMap({ pid_t($0) }), isAlive(pid) else { return nil }
        return pid
    }

    static func children(of pid: pid_t) -> [pid_t] { entries().filter { $0.parent == pid }.map(\.pid) }

    /// Memory that a process holds, proc_pid_status(5).
    static func residentBytes(of pid: pid_t) -> Int? {
        let line = RunningProgram.text("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
}
