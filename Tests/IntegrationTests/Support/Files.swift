import FoundationEssentials
import Glibc

/// What the tests need of the file system.
enum Files {
    static func bytes(_ path: String) -> [UInt8]? { (try? Data(contentsOf: URL(filePath: path))).map { Array($0) } }

    static func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

    static func makeTemporaryFolder() throws -> String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/anb-integration-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RunningProgram.Failed(description: "mkdtemp: errno \(errno)") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    /// Paths of all files below the folder, relative to it and sorted; empty when there is none.
    static func tree(_ folder: String) -> [String] {
        var found: [String] = []
        func walk(_ prefix: String) {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder + prefix)) ?? [] {
                let path = "\(prefix)/\(name)"
                var status = stat()
                guard lstat(folder + path, &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR { walk(path) } else { found.append(path) }
            }
        }
        walk("")
        return found.sorted()
    }

    static func copyTree(_ source: String, to target: String) throws {
        try FileManager.default.copyItem(atPath: source, toPath: target)
    }
}
