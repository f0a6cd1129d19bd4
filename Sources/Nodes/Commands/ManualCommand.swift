import ArgumentParser
import FoundationEssentials

/// Prints the man page, from what the command line itself is made of: `./anb package` puts it into the package.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Print the man page (roff).", shouldDisplay: false)

    func run() throws {
        let help = try JSONDecoder().decode(JSONValue.self, from: Data(AnbCommand._dumpHelp().utf8))
        guard let command = help["command"] else { throw ValidationError("the command line does not describe itself") }
        print(ManualPage(command: command).roff, terminator: "")
    }
}

/// A page for man(1), by the macros of man(7).
struct ManualPage {
    let command: JSONValue

    var roff: String {
        var lines = [
            ".TH ANB 1 \"\" \"anb \(Version.number)\" \"ANB Rising Stars\"", ".SH NAME",
            "anb \\- " + Self.escaped("nodes and tools of ANB Rising Stars"), ".SH SYNOPSIS",
            ".B anb", "role=api|worker|all [config=FILE] [key=value ...]", ".br", ".B anb", "COMMAND [options]",
            ".SH DESCRIPTION", Self.escaped(command["abstract"]?.text ?? ""),
        ]
        if let discussion = command["discussion"]?.text {
            lines +=
                [".PP", ".nf"]
                + discussion.split(separator: "\n", omittingEmptySubsequences: false).map { Self.escaped(String($0)) }
                + [".fi"]
        }
        lines.append(".SH COMMANDS")
        for sub in Self.list(command["subcommands"]) { lines += Self.section(sub, prefix: "anb") }
        lines += [".SH SETTINGS", "In this order: argument, variable, cluster.json, default."]
        for setting in ConfigurationSchema.settings {
            lines += [
                ".TP", ".B \(Self.escaped(setting.path))",
                Self.escaped(
                    "(\(([setting.environmentName] + setting.ecosystemNames).joined(separator: ", "))) \(setting.meaning)"
                ),
            ]
        }
        lines += [
            ".SH EXIT STATUS", ".TP", ".B 0", "all went well", ".TP", ".B 1",
            "a check failed, or what was asked for is not there",
            ".TP", ".B 64", "wrong arguments or settings", ".TP", ".B 69", "the database cannot be had", ".TP",
            ".B 128+n",
            "a second signal n ended a node at once", ".SH FILES", ".I cluster.json",
            Self.escaped("holds settings, by the sections of their names."),
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func section(_ command: JSONValue, prefix: String) -> [String] {
        guard command["shouldDisplay"] != .flag(false), let name = command["commandName"]?.text, name != "help" else {
            return []
        }
        var lines = [".SS \(escaped("\(prefix) \(name)"))", escaped(command["abstract"]?.text ?? "")]
        if let discussion = command["discussion"]?.text { lines += [".PP", escaped(discussion)] }
        for argument in list(command["arguments"]) where argument["shouldDisplay"] != .flag(false) {
            let names = list(argument["names"]).compactMap { name in
                name["name"]?.text.map { name["kind"] == .text("short") ? "-\($0)" : "--\($0)" }
            }
            if names.contains("--help") || names.contains("--version") { continue }
            let value =
                argument["kind"] == .text("flag") ? "" : " \((argument["valueName"]?.text ?? "value").uppercased())"
            let title = names.isEmpty ? value.trimmed : names.joined(separator: ", ") + value
            let fallback = argument["defaultValue"]?.text.map { " (default: \($0))" } ?? ""
            lines += [".TP", ".B \(escaped(title))", escaped((argument["abstract"]?.text ?? "") + fallback)]
        }
        return lines + list(command["subcommands"]).flatMap { section($0, prefix: "\(prefix) \(name)") }
    }

    private static func list(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let items) = value { items } else { [] }
    }

    /// Backslashes, and what would be a macro at a line's start or another hyphen.
    private static func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix(".") || $0.hasPrefix("'") ? "\\&\($0)" : String($0) }.joined(separator: "\n")
    }
}

extension String {
    fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
