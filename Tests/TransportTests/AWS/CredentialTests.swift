import FoundationEssentials
import Synchronization
import Testing
import Transport

@Suite("Credentials of AWS")
struct CredentialTests {
    private static func chain(_ environment: [String: String], _ http: HTTPClient) -> AWSCredentialChain {
        // Never the machine's own files or metadata.
        let closed = [
            "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true",
        ].merging(environment) { $1 }
        return AWSCredentialChain(
            environment: closed, region: "us-east-1", http: http, wallClock: SystemWallClock(), logger: silentLogger)
    }

    private static let idle: @Sendable (TestConnection) -> Void = { $0.waitForClose() }

    @Test("the environment wins over everything else, and half of it is an error")
    func environment() async throws {
        try await withClient(server: Self.idle) { http, _ in
            let found = try await Self.chain(
                [
                    "AWS_ACCESS_KEY_ID": "AKIA7", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "t",
                    "AWS_ROLE_ARN": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent",
                ], http
            ).credentials()
            #expect(found.accessKeyID == "AKIA7" && found.sessionToken == "t" && found.source == "environment")
            #expect(!"\(found)".contains("hush") && "\(found)".contains("AKIA7"))
            await #expect(throws: AWSCredentialError.self) {
                _ = try await Self.chain(["AWS_ACCESS_KEY_ID": "A"], http).credentials()
            }
            await #expect(throws: AWSCredentialError.self) { _ = try await Self.chain([:], http).credentials() }
        }
    }

    @Test("shared files: the profile that AWS_PROFILE names, the credentials file before the config file")
    func files() async throws {
        try await withTemporaryFolder { folder in
            try Data(
                """
                # comment
                [default]
                aws_access_key_id = D
                aws_secret_access_key=d=/+
                [jury]
                aws_access_key_id=J
                aws_secret_access_key = j
                aws_session_token = t
                """.utf8
            ).write(to: URL(filePath: folder + "/credentials"))
            try Data(
                """
                [profile jury]
                aws_access_key_id = other
                [profile config]
                aws_access_key_id = C
                aws_secret_access_key = c
                s3 =
                  aws_access_key_id = nested
                """.utf8
            ).write(to: URL(filePath: folder + "/config"))
            let files = [
                "AWS_SHARED_CREDENTIALS_FILE": folder + "/credentials", "AWS_CONFIG_FILE": folder + "/config",
            ]
            try await withClient(server: Self.idle) { http, _ in
                for (profile, id, secret) in [(nil, "D", "d=/+"), ("jury", "J", "j"), ("config", "C", "c")] {
                    let named = profile.map { ["AWS_PROFILE": $0] } ?? [:]
                    let found = try await Self.chain(files.merging(named) { $1 }, http).credentials()
                    #expect(found.accessKeyID == id && found.secretAccessKey == secret)
                }
                await #expect(throws: AWSCredentialError.self) {
                    _ = try await Self.chain(files.merging(["AWS_PROFILE": "none"]) { $1 }, http).credentials()
                }
            }
        }
    }

    private static func role(_ id: String, lifeSeconds: Int) -> String {
        let end = Date().addingTimeInterval(TimeInterval(lifeSeconds)).formatted(.iso8601)
        return #"{"AccessKeyId":"\#(id)","SecretAccessKey":"s","Token":"t","Expiration":"\#(end)"}"#
    }

    @Test("a container's endpoint is asked with its token")
    func container() async throws {
        let script: @Sendable (TestConnection) -> Void = { connection in
            while let head = connection.readHead() {
                let isAllowed = head.contains("Authorization: let-me-in")
                connection.respond(isAllowed ? "200 OK" : "401 Unauthorized", Self.role("CONTAINER", lifeSeconds: 3600))
            }
        }
        try await withClient(server: script) { http, server in
            let found = try await Self.chain(
                [
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url("/role"),
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let-me-in",
                ], http
            ).credentials()
            #expect(found.accessKeyID == "CONTAINER" && found.expiresAt != nil && found.source == "container")
        }
    }

    @Test("an instance's role needs a session's token, is asked for once by many, and anew shortly before its end")
    func instance() async throws {
        let asked = Mutex((tokens: 0, roles: 0))
        let script: @Sendable (TestConnection) -> Void = { connection in
            while let head = connection.readHead() {
                switch head[0].split(separator: " ").prefix(2).joined(separator: " ") {
                case "PUT /latest/api/token":
                    asked.withLock { $0.tokens += 1 }
                    connection.respond("200 OK", "session-token")
                case "GET /latest/meta-data/iam/security-credentials/"
                where head.contains("X-aws-ec2-metadata-token: session-token"):
                    connection.respond("200 OK", "anb-worker")
                case "GET /latest/meta-data/iam/security-credentials/anb-worker"
                where head.contains("X-aws-ec2-metadata-token: session-token"):
                    let count = asked.withLock { state in
                        state.roles += 1
                        return state.roles
                    }
                    // The first ones end soon: within the time in which they are refreshed.
                    connection.respond("200 OK", Self.role("ROLE\(count)", lifeSeconds: count == 1 ? 60 : 3600))
                default: connection.respond("401 Unauthorized", "")
                }
            }
        }
        try await withClient(server: script) { http, server in
            let chain = Self.chain(
                [
                    "AWS_EC2_METADATA_DISABLED": "false",
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(server.port)",
                ], http)
            let found = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await chain.credentials().accessKeyID } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(found.isSubset(of: ["ROLE1", "ROLE2"]))
            // Meanwhile the first ones, which still live, are handed out.
            try await eventually("the second ones are there") { try await chain.credentials().accessKeyID == "ROLE2" }
            for _ in 0..<3 { #expect(try await chain.credentials().accessKeyID == "ROLE2") }
            #expect(asked.withLock { $0.roles } == 2)
        }
    }

    @Test("a web identity's token file becomes a role by STS")
    func webIdentity() async throws {
        let script: @Sendable (TestConnection) -> Void = { connection in
            while let head = connection.readHead() {
                let length = head.first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
                let body = String(decoding: connection.readBody(length), as: UTF8.self)
                let isRight =
                    body.contains("WebIdentityToken=the-token")
                    && body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole")
                connection.respond(
                    isRight ? "200 OK" : "400 Bad Request",
                    """
                    <AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
                    <AccessKeyId>WEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
                    <Expiration>2099-01-01T00:00:00Z</Expiration>
                    </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
                    """)
            }
        }
        try await withTemporaryFolder { folder in
            try Data("the-token".utf8).write(to: URL(filePath: folder + "/token"))
            try await withClient(server: script) { http, server in
                let found = try await Self.chain(
                    [
                        "AWS_WEB_IDENTITY_TOKEN_FILE": folder + "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role",
                        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:\(server.port)",
                    ], http
                ).credentials()
                #expect(found.accessKeyID == "WEB" && found.sessionToken == "t" && found.expiresAt != nil)
            }
        }
    }
}
