/// One key of the configuration: how it is written, bounded and explained. The schema is a list of these, and validation,
/// reading, environment names and docs/configuration.md all come from it.
package struct Setting: Sendable {
    package enum Kind: Sendable {
        case integer(ClosedRange<Int64>)
        case text
        case choice([String])
        case flag
        /// In the environment and in arguments: separated by commas.
        case list
    }

    /// Dotted, as in `cluster.json`: `queue.leaseSeconds`.
    package let path: String
    package let kind: Kind
    package let fallback: SettingValue
    package let meaning: String
    /// Names that the ecosystem uses for the same thing, such as `PORT`; the first one that is set counts.
    package let ecosystemNames: [String]
    /// Never an argument, which every user of the machine can read; from the environment or a file.
    package let isSecret: Bool

    init(
        _ path: String, _ kind: Kind, default fallback: SettingValue, _ meaning: String, ecosystem: [String] = [],
        isSecret: Bool = false
    ) {
        self.isSecret = isSecret
        self.path = path
        self.kind = kind
        self.fallback = fallback
        self.meaning = meaning
        self.ecosystemNames = ecosystem
    }

    /// `ANB_QUEUE_LEASE_SECONDS` for `queue.leaseSeconds`: swift-configuration's rule with our prefix.
    package var environmentName: String {
        var name = "ANB_"
        var previousIsLower = false
        for character in path {
            if character == "." {
                name += "_"
            } else {
                if character.isUppercase, previousIsLower { name += "_" }
                name += character.uppercased()
            }
            previousIsLower = character.isLowercase || character.isNumber
        }
        return name
    }

    /// Reads the setting from text, as environment and arguments give it.
    package func parse(_ text: String) throws(SettingProblem) -> SettingValue {
        switch kind {
        case .integer:
            guard let number = Int64(text) else { throw SettingProblem("must be a whole number, not \"\(text)\"") }
            return try checked(.integer(number))
        case .text: return .text(text)
        case .choice: return try checked(.text(text))
        case .flag:
            switch text.lowercased() {
            case "true", "1", "yes": return .flag(true)
            case "false", "0", "no": return .flag(false)
            default: throw SettingProblem("must be true or false, not \"\(text)\"")
            }
        case .list:
            return .list(text.split(separator: ",").map { String($0.drop(while: { $0 == " " })) })
        }
    }

    /// Checks type and bounds of a value from the file.
    package func checked(_ value: SettingValue) throws(SettingProblem) -> SettingValue {
        switch (kind, value) {
        case (.integer(let range), .integer(let number)):
            guard range.contains(number) else {
                throw SettingProblem("must be from \(range.lowerBound) to \(range.upperBound), not \(number)")
            }
        case (.choice(let choices), .text(let text)):
            guard choices.contains(text) else {
                throw SettingProblem("must be one of \(choices.joined(separator: ", ")), not \"\(text)\"")
            }
        case (.text, .text), (.flag, .flag), (.list, .list): break
        case (.integer, _): throw SettingProblem("must be a whole number")
        case (.flag, _): throw SettingProblem("must be true or false")
        case (.list, _): throw SettingProblem("must be an array of strings")
        case (.text, _), (.choice, _): throw SettingProblem("must be a string")
        }
        return value
    }
}

package enum SettingValue: Sendable, Equatable {
    case integer(Int64)
    case text(String)
    case flag(Bool)
    case list([String])
}

/// What is wrong with a value, without saying where.
package struct SettingProblem: Error, Equatable {
    package let text: String

    init(_ text: String) {
        self.text = text
    }
}
