import FoundationEssentials
import Glibc
import Logging

/// How a node's log lines look.
package enum LogFormat: String, Sendable, CaseIterable {
    /// Text on a terminal, JSON otherwise.
    case auto
    case text
    case json

    /// What `auto` means for standard error.
    var resolved: LogFormat {
        guard self == .auto else { return self }
        return isatty(STDERR_FILENO) == 1 ? .text : .json
    }

    func line(_ entry: LogEntry) -> String {
        switch resolved {
        case .json: Self.json(entry)
        case .text, .auto: Self.text(entry)
        }
    }

    /// For people: time, level, message, then what belongs to it.
    private static func text(_ entry: LogEntry) -> String {
        var line =
            "\(entry.date.rfc3339Milliseconds) \(entry.level.rawValue.uppercased().padded(to: 8)) \(entry.message)"
        for (key, value) in entry.fields { line += "  \(key)=\(value)" }
        // One entry is one line, whatever a file name or an error text holds.
        return String(line.map { $0.isNewline ? " " : $0 })
    }

    /// For machines (CloudWatch Logs Insights reads the fields): one object a line. `timestamp`, `level` and `message`
    /// win over metadata of the same name.
    private static func json(_ entry: LogEntry) -> String {
        var members: [String: JSONValue] = [:]
        for (key, value) in entry.fields { members[key] = .text(value) }
        members["timestamp"] = .text(entry.date.rfc3339Milliseconds)
        members["level"] = .text(entry.level.rawValue)
        members["message"] = .text(entry.message)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(JSONValue.object(members)) else {
            preconditionFailure("texts always encode")
        }
        return String(decoding: data, as: UTF8.self)
    }
}

/// One record of the log.
struct LogEntry: Sendable {
    let date: Date
    let level: Logger.Level
    let message: String
    /// In order.
    let fields: [(key: String, value: String)]
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        count < width ? self + String(repeating: " ", count: width - count) : self
    }
}
