import FoundationEssentials

/// `cluster.json`: read whole, every key checked against the schema.
package enum ConfigurationFile {
    /// - Returns: the values by path.
    /// - Throws: the first wrong or unknown key, with its JSON path.
    package static func values(of text: [UInt8], named name: String) throws(ConfigurationError)
        -> [String: SettingValue]
    {
        let root: JSONValue
        do {
            root = try JSONDecoder().decode(JSONValue.self, from: Data(text))
        } catch {
            throw ConfigurationError("\(name) is not valid JSON: \(error)")
        }
        guard case .object(let members) = root else {
            throw ConfigurationError("\(name) must hold a JSON object at $")
        }
        var values: [String: SettingValue] = [:]
        try collect(members, prefix: "", named: name, into: &values)
        return values
    }

    private static func collect(
        _ members: [String: JSONValue], prefix: String, named name: String, into values: inout [String: SettingValue]
    ) throws(ConfigurationError) {
        for (key, member) in members.sorted(by: { $0.key < $1.key }) {
            let path = prefix + key
            if let setting = ConfigurationSchema.setting(path) {
                do {
                    values[path] = try setting.checked(try member.settingValue())
                } catch {
                    throw ConfigurationError("\(name): $.\(path) \(error.text)")
                }
            } else if case .object(let inner) = member,
                ConfigurationSchema.settings.contains(where: { $0.path.hasPrefix(path + ".") })
            {
                try collect(inner, prefix: path + ".", named: name, into: &values)
            } else {
                throw ConfigurationError(
                    "\(name): $.\(path) is not a known key. Known here: \(known(under: prefix).joined(separator: ", "))"
                )
            }
        }
    }

    private static func known(under prefix: String) -> [String] {
        var names: [String] = []
        for setting in ConfigurationSchema.settings where setting.path.hasPrefix(prefix) {
            let name = String(setting.path.dropFirst(prefix.count).prefix { $0 != "." })
            if !names.contains(name) { names.append(name) }
        }
        return names
    }
}

/// What ends a start with exit code 64: one sentence that says what, where and what would be right.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension JSONValue {
    fileprivate func settingValue() throws(SettingProblem) -> SettingValue {
        switch self {
        case .text(let text): return .text(text)
        case .flag(let flag): return .flag(flag)
        case .number(let number):
            guard number.rounded() == number, abs(number) < 9e15 else {
                throw SettingProblem("must be a whole number")
            }
            return .integer(Int64(number))
        case .array(let items):
            var texts: [String] = []
            for item in items {
                guard case .text(let text) = item else { throw SettingProblem("must be an array of strings") }
                texts.append(text)
            }
            return .list(texts)
        case .null, .object: throw SettingProblem("must be a value")
        }
    }
}
