import Actors
import FoundationEssentials
import Glibc
import Logging
import Testing
import Transport

/// The servers that `deploy/aws-local` keeps running beside the tests; `./anb test` starts them.
struct LocalAWS: Sendable {
    struct Missing: Error, CustomStringConvertible {
        let name: String
        var description: String {
            "\(name) is not set: run these tests by ./anb test --filter …, which starts the servers"
        }
    }

    static func variable(_ name: String) throws -> String {
        guard let value = getenv(name) else { throw Missing(name: name) }
        return String(cString: value)
    }

    static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// A client of the service at the URL that the variable holds.
    static func client(
        _ service: String, at variable: String, http: HTTPClient,
        credentials: AWSCredentials? = nil, wallClock: any WallClock = SystemWallClock()
    ) throws -> AWSClient {
        let url = try Self.variable(variable)
        let endpoint = try #require(AWSEndpoint(url: url, service: service, region: try Self.variable("AWS_REGION")))
        let provider: any AWSCredentialProvider =
            if let credentials { StaticCredentials(credentials) } else {
                AWSCredentialChain(
                    environment: environment, region: endpoint.region, http: http, wallClock: wallClock,
                    logger: silentLogger)
            }
        return AWSClient(
            endpoint: endpoint, http: http, credentials: provider, wallClock: wallClock, logger: silentLogger)
    }

    /// With an HTTP client that ends after `body`.
    static func withHTTP<Result>(
        _ change: (inout HTTPClientConfiguration) -> Void = { _ in }, _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClientConfiguration()
        change(&configuration)
        let http = HTTPClient(configuration: configuration, logger: silentLogger)
        try http.start()
        do {
            let result = try await body(http)
            await http.shutdown()
            return result
        } catch {
            await http.shutdown()
            throw error
        }
    }

    /// A bucket of its own for one test.
    static func withBucket<Result>(_ body: (S3ObjectStore) async throws -> Result) async throws -> Result {
        try await withHTTP { http in
            let store = S3ObjectStore(
                client: try client("s3", at: "AWS_ENDPOINT_URL_S3", http: http),
                bucket: S3Bucket(name: "test-\(UInt32.random(in: .min ... .max))", isPathStyle: true))
            try await S3BucketSettings(store).create()
            return try await body(store)
        }
    }
}

/// A folder that goes with the test.
func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/anb-test-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
