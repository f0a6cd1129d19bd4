import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
import Logging

/// What every operator's command takes.
struct OperatorOptions: ParsableArguments {
    @Flag(help: "Print JSON.") var json = false
    @Option(help: "The configuration file; by default cluster.json of the working folder.") var config: String?
    @Argument(
        help: ArgumentHelp("Ids of videos, where the command takes any; settings as for a node.", valueName: "word"))
    var words: [String] = []

    /// The words that are no settings.
    /// - Throws: `ExitCode(64)` when their number is not within `count`, or one is no id.
    func videos(_ count: ClosedRange<Int>) throws -> [VideoID] {
        let texts = words.filter { !$0.contains("=") }
        guard count.contains(texts.count) else {
            let wanted =
                count.upperBound == 0 ? "no video's id" : count.upperBound == 1 ? "one video's id" : "videos' ids"
            StandardError.write("anb: this command takes \(wanted), not \(texts.count); settings are key=value")
            throw ExitCode(64)
        }
        return try texts.map { text in
            guard let id = VideoID(text) else {
                StandardError.write("anb: \"\(text)\" is not a video's id: 36 characters, as the API gives it")
                throw ExitCode(64)
            }
            return id
        }
    }

    /// - Throws: `ExitCode` after a sentence that says what is wrong.
    func configuration() throws -> NodeConfiguration {
        try NodeCommand.loadOrExit(words.filter { $0.contains("=") }, file: config)
    }

    /// Prints `value` for a program, or `text` for a person.
    func show(_ value: JSONValue, text: @autoclosure () -> String) throws {
        guard json else { return print(text()) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

/// Exit codes of operators' commands, beside 0 and 64 (sysexits.h where it has one).
enum OperatorExit {
    /// What was asked for is not there, or a check failed.
    static let negative = ExitCode(1)
    /// The database cannot be had.
    static let unavailable = ExitCode(69)
}

/// Columns of text, each as wide as its widest cell.
struct TextTable {
    private var rows: [[String]]

    init(_ header: [String]) { rows = [header] }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
