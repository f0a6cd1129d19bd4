import ArgumentParser
import FoundationEssentials
import Glibc

/// A folder that is gone when the command is.
struct Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/anb-scratch-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ValidationError("no folder can be made in /tmp: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
