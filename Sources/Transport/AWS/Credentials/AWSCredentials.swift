import FoundationEssentials

/// Who signs. Never logged: its description has the key's id alone.
package struct AWSCredentials: Sendable, Equatable, CustomStringConvertible {
    package let accessKeyID: String
    package let secretAccessKey: String
    /// Of temporary credentials.
    package let sessionToken: String?
    /// Nil: for ever.
    package let expiresAt: Date?
    /// Where they were found, in words.
    package let source: String

    package init(
        accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiresAt: Date? = nil,
        source: String = "given"
    ) {
        self.source = source
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiresAt = expiresAt
    }

    package var description: String { "credentials of \(accessKeyID)" }
}
