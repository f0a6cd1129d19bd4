import FoundationEssentials

/// A role assumed by a token file, as Kubernetes mounts one (STS API Reference, AssumeRoleWithWebIdentity): the request
/// is not signed.
struct WebIdentityCredentials: AWSCredentialProvider {
    let environment: [String: String]
    let region: String
    let http: HTTPClient

    func credentials() async throws(AWSCredentialError) -> AWSCredentials {
        guard let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"], let role = environment["AWS_ROLE_ARN"] else {
            throw .absent(source: "web identity")
        }
        guard let data = try? Data(contentsOf: URL(filePath: file)) else {
            throw .broken(source: "web identity", reason: "\(file) cannot be read")
        }
        let base = environment["AWS_ENDPOINT_URL_STS"] ?? "https://sts.\(region).amazonaws.com"
        let query = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", environment["AWS_ROLE_SESSION_NAME"] ?? "anb"),
            ("WebIdentityToken", String(decoding: data, as: UTF8.self)),
        ].map { "\($0.0)=\(URIEncoding.encode($0.1))" }.joined(separator: "&")
        let answer: HTTPClientResponse
        do {
            answer = try await http.send(
                HTTPClientRequest(
                    method: "POST", url: "\(base)/", headers: ["Content-Type": "application/x-www-form-urlencoded"],
                    body: .bytes(Array(query.utf8))),
                deadline: .seconds(10), maxBodyBytes: 65536)
        } catch {
            throw .broken(source: "web identity", reason: "\(error)")
        }
        guard answer.status == 200,
            let given = XMLElement(parsing: answer.body)?["AssumeRoleWithWebIdentityResult"]?["Credentials"],
            let id = given["AccessKeyId"]?.text, let secret = given["SecretAccessKey"]?.text
        else { throw .broken(source: "web identity", reason: "STS answers \(answer.status)") }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: given["SessionToken"]?.text,
            expiresAt: given["Expiration"].flatMap { try? Date($0.text, strategy: .iso8601) },
            source: "web identity")
    }
}
