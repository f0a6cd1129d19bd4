import FoundationEssentials

/// `~/.aws/credentials` and `~/.aws/config` (AWS SDKs and Tools Reference Guide, "Shared config and credentials files"):
/// keys of the profile that `AWS_PROFILE` names, `default` otherwise. The credentials file wins.
struct SharedFileCredentials: AWSCredentialProvider {
    let environment: [String: String]

    func credentials() async throws(AWSCredentialError) -> AWSCredentials {
        let home = environment["HOME"] ?? ""
        let profile = environment["AWS_PROFILE"] ?? "default"
        let credentialsPath = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? "\(home)/.aws/credentials"
        let configPath = environment["AWS_CONFIG_FILE"] ?? "\(home)/.aws/config"
        let settings = (Self.sections(configPath)[profile == "default" ? profile : "profile \(profile)"] ?? [:])
            .merging(Self.sections(credentialsPath)[profile] ?? [:]) { _, own in own }
        guard let id = settings["aws_access_key_id"] else {
            guard environment["AWS_PROFILE"] == nil else {
                throw .broken(source: "shared files", reason: "the profile \(profile) has no aws_access_key_id")
            }
            throw .absent(source: "shared files")
        }
        guard let secret = settings["aws_secret_access_key"] else {
            throw .broken(source: "shared files", reason: "the profile \(profile) has no aws_secret_access_key")
        }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: settings["aws_session_token"],
            source: "shared files, profile \(profile)")
    }

    /// Of an ini file; empty when there is none.
    static func sections(_ path: String) -> [String: [String: String]] {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return [:] }
        var sections: [String: [String: String]] = [:]
        var current = ""
        for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let text = line.drop { $0 == " " || $0 == "\t" }
            // An indented line belongs to a nested setting, which none of ours is.
            guard text.count == line.count, let first = text.first, first != "#", first != ";" else { continue }
            if first == "[", let end = text.lastIndex(of: "]") {
                current = text[text.index(after: text.startIndex)..<end].split(separator: " ").joined(separator: " ")
            } else if let sign = text.firstIndex(of: "=") {
                let name = String(text[..<sign]).trimmed
                sections[current, default: [:]][name] = String(text[text.index(after: sign)...]).trimmed
            }
        }
        return sections
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text.drop(while: \.isWhitespace))
    }
}
