import FoundationEssentials
import Transport

/// One key of access tokens (HS256).
package struct TokenKey: Sendable, Equatable {
    /// A key of HMAC-SHA-256 shorter than its output is weaker than it (RFC 7518, 3.2).
    package static let leastBytes = 32

    /// Goes into each token's header.
    package let id: String
    package let secret: [UInt8]

    package init(id: String, secret: [UInt8]) {
        self.id = id
        self.secret = secret
    }

    /// Of `id:base64`; nil when it is not that or too short.
    package init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex,
            let secret = Data(base64Encoded: String(text[text.index(after: colon)...])), secret.count >= Self.leastBytes
        else { return nil }
        self.init(id: String(text[..<colon]), secret: Array(secret))
    }
}

/// Where the keys come from: `auth.keys`, the file that `auth.keysFile` names, or the data folder's own one.
enum TokenKeys {
    /// The first one signs.
    /// - Throws: `NodeFailure`, whose text holds no part of a key.
    static func load(_ configuration: NodeConfiguration, folder: DataFolder) throws -> [TokenKey] {
        let file = configuration.text("auth.keysFile")
        let texts = file.isEmpty ? configuration.list("auth.keys") : try lines(of: configuration.absolute(file))
        let source = file.isEmpty ? "auth.keys" : "auth.keysFile"
        guard !texts.isEmpty else {
            guard file.isEmpty, configuration.isSelfContained else {
                throw NodeFailure.usage(
                    "\(source) holds no key: nodes that share database, store or queue must share keys of their own; "
                        + "set ANB_AUTH_KEYS to id:base64, made for example by echo \"k1:$(openssl rand -base64 32)\"")
            }
            return [TokenKey(id: "1", secret: try folder.secret(named: "jwt", bytes: 32))]
        }
        let keys = texts.compactMap { TokenKey($0) }
        guard keys.count == texts.count else {
            throw NodeFailure.usage(
                "\(source): each key must be id:base64 of at least \(TokenKey.leastBytes) bytes; "
                    + "\(texts.count - keys.count) of \(texts.count) are not")
        }
        guard Set(keys.map(\.id)).count == keys.count else {
            throw NodeFailure.usage("\(source): two keys have one id")
        }
        return keys
    }

    private static func lines(of path: String) throws -> [String] {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw NodeFailure.usage("auth.keysFile: \(path) cannot be read")
        }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }
}
