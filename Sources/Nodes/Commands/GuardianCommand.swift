import Glibc
import Transport

/// The hidden command by which a node starts the guardian of its data folder: `anb guardian FOLDER DESCRIPTOR`.
enum GuardianCommand {
    static let word = "guardian"

    static func run(_ arguments: [String]) -> Int32 {
        guard arguments.count == 2, let descriptor = CInt(arguments[1]) else {
            StandardError.write("anb guardian is started by a node, not by hand")
            return 64
        }
        do {
            return Guardian.run(folder: try DataFolder(path: arguments[0]), lockDescriptor: descriptor)
        } catch {
            StandardError.write("the guardian cannot run: \(error)")
            return 69
        }
    }
}

enum StandardError {
    /// One line, or a part of one.
    static func write(_ line: String, newline: Bool = true) {
        let bytes = Array((newline ? line + "\n" : line).utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
