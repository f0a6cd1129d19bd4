import FoundationEssentials

/// A person with an account: a player when they upload, a voter when they vote.
package struct User: Sendable, Equatable {
    package let id: UserID
    package let firstName: String
    package let lastName: String
    package let email: EmailAddress
    package let city: String
    package let country: String
    /// Made at sign-up from the name, unique, never from the e-mail address.
    package let username: String
    package let isActive: Bool
    package let createdAt: Date
    /// Tokens made under an earlier one are void.
    package let tokenEpoch: Int

    package init(
        id: UserID, firstName: String, lastName: String, email: EmailAddress, city: String, country: String,
        username: String, isActive: Bool, createdAt: Date, tokenEpoch: Int = 0
    ) {
        self.id = id
        self.firstName = firstName
        self.lastName = lastName
        self.email = email
        self.city = city
        self.country = country
        self.username = username
        self.isActive = isActive
        self.createdAt = createdAt
        self.tokenEpoch = tokenEpoch
    }
}

/// An e-mail address; equal whatever its case, as mail providers treat it.
package struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    /// As the person wrote it.
    package let text: String
    /// What uniqueness is decided by.
    package let folded: String

    /// The most that RFC 5321 (4.5.3.1.3) allows in a path, less its brackets.
    package static let maximumLength = 254

    /// Nil unless `text` has the `local@domain` form of RFC 5321 without quoting, with a dot in the domain.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength else { return nil }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, Self.isLocalPart(parts[0]), Self.isDomain(parts[1]) else { return nil }
        self.text = text
        self.folded = text.lowercased()
    }

    package var description: String { text }

    private static func isLocalPart(_ part: Substring) -> Bool {
        guard (1...64).contains(part.utf8.count), part.first != ".", part.last != ".", !part.contains("..") else {
            return false
        }
        return part.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                || "!#$%&'*+-/=?^_`{|}~.".unicodeScalars.contains(scalar)
        }
    }

    private static func isDomain(_ part: Substring) -> Bool {
        let labels = part.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.unicodeScalars.allSatisfy { scalar in
                        scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "-"
                    }
            }
    }
}
