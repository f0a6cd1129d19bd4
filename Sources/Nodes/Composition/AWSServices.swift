import Actors
import Logging
import Transport

/// The bucket and the queues of AWS, or of servers that speak its protocols, over one HTTP client.
struct AWSServices: Sendable {
    /// A call of SQS takes at most this, and less under a short lease: a hung extension must not hold back the
    /// database's heartbeat, which comes each third of the lease.
    static let longestCall: Duration = .seconds(10)

    let http: HTTPClient
    let credentials: AWSCredentialChain
    /// Nil unless `storage.kind` is `s3`.
    let store: S3ObjectStore?
    /// Nil unless `queue.kind` is `sqs`.
    let jobs: SQSJobQueue?
    let deadLetters: SQSJobQueue?
    /// For provisioning.
    let queues: (jobs: SQSQueueSettings, deadLetters: SQSQueueSettings)?

    /// Nil when neither is configured. The HTTP client is started.
    /// - Throws: `NodeFailure` for a setting that contradicts another.
    init?(_ configuration: NodeConfiguration, logger: Logger) throws {
        let usesS3 = configuration.text("storage.kind") == "s3"
        let usesSQS = configuration.text("queue.kind") == "sqs"
        guard usesS3 || usesSQS else { return nil }
        let s3 = usesS3 ? try Self.bucket(configuration) : nil
        let sqs = usesSQS ? try Self.endpoint(configuration, section: "queue", service: "sqs") : nil
        var limits = HTTPClientConfiguration()
        limits.minimumBytesPerSecond = Int(S3ObjectStore.leastBytesPerSecond)
        limits.certificateAuthorityFile = configuration.environment["AWS_CA_BUNDLE"].flatMap { $0.isEmpty ? nil : $0 }
        let http = HTTPClient(configuration: limits, logger: logger)
        let wallClock = SystemWallClock()
        let credentials = AWSCredentialChain(
            environment: configuration.environment,
            region: configuration.text(usesS3 ? "storage.region" : "queue.region"), http: http, wallClock: wallClock,
            logger: logger)
        func client(_ endpoint: AWSEndpoint) -> AWSClient {
            AWSClient(
                endpoint: endpoint, http: http, credentials: credentials, wallClock: wallClock,
                logger: logger)
        }
        self.http = http
        self.credentials = credentials
        store = s3.map { S3ObjectStore(client: client($0.endpoint), bucket: $0.bucket) }
        let deadline = min(Self.longestCall, configuration.seconds("queue.leaseSeconds") / 7)
        func queue(_ setting: String) -> SQSJobQueue? {
            sqs.map { SQSJobQueue(client: client($0), name: configuration.text(setting), deadline: deadline) }
        }
        jobs = queue("queue.name")
        deadLetters = queue("queue.deadLetterName")
        func settings(_ endpoint: AWSEndpoint, _ setting: String) -> SQSQueueSettings {
            SQSQueueSettings(
                client: client(endpoint), name: configuration.text(setting), deadline: Self.longestCall)
        }
        queues = sqs.map { (settings($0, "queue.name"), settings($0, "queue.deadLetterName")) }
        do { try http.start() } catch { throw NodeFailure.start("the HTTP client cannot start: \(error)") }
    }

    static func bucket(_ configuration: NodeConfiguration) throws -> (endpoint: AWSEndpoint, bucket: S3Bucket) {
        let name = configuration.text("storage.bucket")
        guard !name.isEmpty else {
            throw NodeFailure.usage("storage.kind is s3: storage.bucket must name a bucket")
        }
        let endpoint = try endpoint(configuration, section: "storage", service: "s3")
        let isPathStyle =
            switch configuration.text("storage.addressing") {
            case "path": true
            case "virtual": false
            default: name.contains(".") || endpoint.isAddress
            }
        return (endpoint, S3Bucket(name: name, isPathStyle: isPathStyle))
    }

    static func endpoint(_ configuration: NodeConfiguration, section: String, service: String) throws -> AWSEndpoint {
        let region = configuration.text("\(section).region")
        let url = configuration.text("\(section).endpoint")
        if url.isEmpty { return AWSEndpoint(service: service, region: region) }
        guard let endpoint = AWSEndpoint(url: url, service: service, region: region) else {
            throw NodeFailure.usage("\(section).endpoint must be an http or https URL without a path, not \"\(url)\"")
        }
        return endpoint
    }
}
