/// Usernames are `first.last` in folded ASCII letters and digits; the repository appends 2, 3, … when one is taken.
package enum Username {
    /// Bounds the part made from the name, in bytes; a number follows it at most.
    package static let maximumBaseLength = 40

    package static func base(firstName: String, lastName: String) -> String {
        let words = [firstName, lastName].map { name in
            String(
                FoldedText(name).text.unicodeScalars.filter { scalar in
                    ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
                }.map(Character.init))
        }.filter { !$0.isEmpty }
        let joined = words.isEmpty ? "player" : words.joined(separator: ".")
        let cut = joined.prefix(maximumBaseLength)
        return String(cut.last == "." ? cut.dropLast() : cut)
    }
}
