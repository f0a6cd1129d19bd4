import FoundationEssentials

/// The JSON by which container and instance metadata hand out a role's credentials.
struct RoleCredentials: Decodable {
    let accessKeyID: String
    let secretAccessKey: String
    let token: String?
    let expiration: String?

    enum CodingKeys: String, CodingKey {
        case accessKeyID = "AccessKeyId"
        case secretAccessKey = "SecretAccessKey"
        case token = "Token"
        case expiration = "Expiration"
    }

    static func parse(_ answer: HTTPClientResponse, from source: String) throws(AWSCredentialError) -> AWSCredentials {
        guard answer.status == 200 else { throw .broken(source: source, reason: "it answers \(answer.status)") }
        let role: RoleCredentials
        do { role = try JSONDecoder().decode(RoleCredentials.self, from: Data(answer.body)) } catch {
            throw .broken(source: source, reason: "its answer cannot be read")
        }
        return AWSCredentials(
            accessKeyID: role.accessKeyID, secretAccessKey: role.secretAccessKey, sessionToken: role.token,
            expiresAt: role.expiration.flatMap { try? Date($0, strategy: .iso8601) }, source: source)
    }
}

/// ECS and EKS: an address in the environment, with a token for it (Amazon ECS Developer Guide, "Task IAM role").
struct ContainerCredentials: AWSCredentialProvider {
    private static let source = "container"

    let environment: [String: String]
    let http: HTTPClient

    func credentials() async throws(AWSCredentialError) -> AWSCredentials {
        let url: String
        if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            url = "http://169.254.170.2\(relative)"
        } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            url = full
        } else {
            throw .absent(source: Self.source)
        }
        var headers: HTTPHeaders = [:]
        var token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        if let file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            guard let data = try? Data(contentsOf: URL(filePath: file)) else {
                throw .broken(source: Self.source, reason: "\(file) cannot be read")
            }
            token = String(decoding: data, as: UTF8.self)
        }
        if let token { headers.append(name: "Authorization", value: token) }
        let answer: HTTPClientResponse
        do {
            answer = try await http.send(
                HTTPClientRequest(url: url, headers: headers), deadline: .seconds(5), maxBodyBytes: 65536)
        } catch {
            throw .broken(source: Self.source, reason: "\(error)")
        }
        return try RoleCredentials.parse(answer, from: Self.source)
    }
}

/// EC2 by version 2 of its metadata service (Amazon EC2 User Guide, "Use the Instance Metadata Service").
struct InstanceCredentials: AWSCredentialProvider {
    private static let source = "instance"
    /// Elsewhere than on EC2 nobody answers: the wait is short.
    private static let deadline: Duration = .seconds(2)

    let environment: [String: String]
    let http: HTTPClient

    func credentials() async throws(AWSCredentialError) -> AWSCredentials {
        if environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true" { throw .absent(source: Self.source) }
        let base = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
        let token: String
        do {
            let answer = try await http.send(
                HTTPClientRequest(
                    method: "PUT", url: "\(base)/latest/api/token",
                    headers: ["X-aws-ec2-metadata-token-ttl-seconds": "21600"]),
                deadline: Self.deadline, maxBodyBytes: 4096)
            guard answer.status == 200 else { throw AWSCredentialError.absent(source: Self.source) }
            token = String(decoding: answer.body, as: UTF8.self)
        } catch {
            throw .absent(source: Self.source)
        }
        let path = "\(base)/latest/meta-data/iam/security-credentials/"
        let roles = try await get(path, token)
        guard roles.status == 200,
            let role = String(decoding: roles.body, as: UTF8.self).split(whereSeparator: \.isNewline).first
        else { throw .broken(source: Self.source, reason: "no role is attached to this instance") }
        return try RoleCredentials.parse(try await get(path + role, token), from: Self.source)
    }

    private func get(_ url: String, _ token: String) async throws(AWSCredentialError) -> HTTPClientResponse {
        do {
            return try await http.send(
                HTTPClientRequest(url: url, headers: ["X-aws-ec2-metadata-token": token]), deadline: Self.deadline,
                maxBodyBytes: 65536)
        } catch {
            throw .broken(source: Self.source, reason: "\(error)")
        }
    }
}
