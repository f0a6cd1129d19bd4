import FoundationEssentials
import Glibc

/// Processes of this machine, as `/proc` tells.
enum ProcessTable {
    struct Entry: Sendable {
        let pid: pid_t
        let parent: pid_t
        let name: String
    }

    static func entries() -> [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = pid_t(name), let status = Files.bytes("/proc/\(pid)/stat") else { return nil }
            // proc(5): the name stands in brackets and may hold anything.
            let text = String(decoding: status, as: UTF8.self)
            guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")") else { return nil }
            let fields = text[text.index(after: close)...].split(separator: " ")
            guard fields.count > 2, fields[0] != "Z", let parent = pid_t(fields[1]) else { return nil }
            return Entry(pid: pid, parent: parent, name: String(text[text.index(after: open)..<close]))
        }
    }

    /// The ffmpeg processes that a node has started, by way of their sandbox.
    static func encoders(of node: pid_t) -> [pid_t] {
        let all = entries()
        let parents = Dictionary(all.map { ($0.pid, $0.parent) }) { first, _ in first }
        return all.filter { entry in
            guard entry.name == "ffmpeg" else { return false }
            return sequence(first: entry.pid) { parents[$0] }.prefix(8).contains(node)
        }.map(\.pid)
    }

    static func isAlive(_ pid: pid_t) -> Bool { entries().contains { $0.pid == pid } }

    /// The servers and guardians of a data folder.
    static func servers(of dataFolder: String) -> [String] {
        entries().compactMap { entry in
            guard let bytes = Files.bytes("/proc/\(entry.pid)/cmdline") else { return nil }
            let words = String(decoding: bytes.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
            let folder = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(entry.pid)/cwd")) ?? ""
            let isServer = entry.name == "postgres" && (folder + "/").hasPrefix(dataFolder + "/")
            let isGuardian = words.contains(" guardian \(dataFolder)")
            return isServer || isGuardian ? "\(entry.pid) \(words)" : nil
        }
    }
}
