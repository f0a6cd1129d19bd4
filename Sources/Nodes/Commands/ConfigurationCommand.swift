import ArgumentParser

/// Prints docs/configuration.md from the schema.
struct ConfigurationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configuration", abstract: "Print every setting with its bounds, as docs/configuration.md.")

    func run() {
        print(Self.document, terminator: "")
    }

    package static var document: String {
        var text = """
            # Settings

            Written by `./anb configuration`. Precedence: argument (`key=value`), `ANB_` variable, the ecosystem's own
            variable, `cluster.json`, default. An unknown or wrong key ends the start with exit code 64 and its JSON
            path; an unknown `ANB_` variable is warned of.

            | key | value | default | variable | meaning |
            | --- | --- | --- | --- | --- |

            """
        for setting in ConfigurationSchema.settings {
            let variables = ([setting.environmentName] + setting.ecosystemNames).map { "`\($0)`" }
            text +=
                "| `\(setting.path)` | \(describe(setting.kind)) | \(describe(setting.fallback)) | "
                + "\(variables.joined(separator: ", ")) | \(setting.meaning) |\n"
        }
        return text
    }

    private static func describe(_ kind: Setting.Kind) -> String {
        switch kind {
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .text: "text"
        case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
        case .flag: "`true`, `false`"
        case .list: "list of texts"
        }
    }

    private static func describe(_ value: SettingValue) -> String {
        switch value {
        case .integer(let number): "\(number)"
        case .text(let text): text.isEmpty ? "empty" : "`\(text)`"
        case .flag(let flag): "`\(flag)`"
        case .list(let items): items.isEmpty ? "none" : items.joined(separator: ", ")
        }
    }
}
