/// Text reduced to what people compare by: lower case, no accents, single spaces, trimmed.
///
/// FoundationEssentials has no folding, so the accents of the languages that name cities in the Americas and western
/// Europe are in a table here; any other letter is only lower-cased.
package struct FoldedText: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) {
        var folded = ""
        var pendingSpace = false
        for scalar in text.lowercased().unicodeScalars {
            if scalar.properties.isWhitespace {
                pendingSpace = !folded.isEmpty
                continue
            }
            // A combining mark (é written as two scalars) carries only the accent.
            if scalar.properties.generalCategory == .nonspacingMark { continue }
            if pendingSpace {
                folded.append(" ")
                pendingSpace = false
            }
            if let plain = Self.plain[scalar] {
                folded.append(plain)
            } else {
                folded.unicodeScalars.append(scalar)
            }
        }
        self.text = folded
    }

    package var description: String { text }

    private static let plain: [Unicode.Scalar: String] = {
        var table: [Unicode.Scalar: String] = [
            "æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "ð": "d", "þ": "th", "ł": "l",
        ]
        let groups = [
            ("a", "àáâãäåāăą"), ("c", "çćĉċč"), ("d", "ďđ"), ("e", "èéêëēĕėęě"), ("g", "ĝğġģ"), ("h", "ĥħ"),
            ("i", "ìíîïĩīĭįı"), ("j", "ĵ"), ("k", "ķ"), ("l", "ĺļľŀ"), ("n", "ñńņň"), ("o", "òóôõöōŏő"),
            ("r", "ŕŗř"), ("s", "śŝşšș"), ("t", "ţťŧț"), ("u", "ùúûüũūŭůűų"), ("w", "ŵ"), ("y", "ýÿŷ"), ("z", "źżž"),
        ]
        for (letter, accented) in groups {
            for scalar in accented.unicodeScalars { table[scalar] = letter }
        }
        return table
    }()
}
