import Actors
import FoundationEssentials
import Nodes
import Testing

/// Every key of the schema, with a value that is not its default and what must be different then in what the node's
/// actors and listeners are made from. What each of those does is shown by their own tests and by the integration
/// suite "settings".
@Suite("Settings")
struct SettingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let key: String
        let value: String
        /// What the node reads, as text.
        let reads: @Sendable (NodeConfiguration) -> String

        init(_ key: String, _ value: String, _ reads: @escaping @Sendable (NodeConfiguration) -> String) {
            self.key = key
            self.value = value
            self.reads = reads
        }

        var testDescription: String { "\(key)=\(value)" }
    }

    static let cases: [Case] = [
        Case("http.host", "127.0.0.1") { $0.text("http.host") },
        Case("http.port", "8081") { "\($0.integer("http.port"))" },
        Case("http.publicURL", "https://anb.example") { $0.text("http.publicURL") },
        Case("http.maxUploads", "3") { "\($0.api.maximumUploads)" },
        Case("http.spoolReserveBytes", "7") { "\($0.integer("http.spoolReserveBytes"))" },
        Case("http.maxBodyBytes", "2048") { "\($0.integer("http.maxBodyBytes"))" },
        Case("http.maxJSONDepth", "3") { "\($0.integer("http.maxJSONDepth"))" },
        Case("http.maxHeaderBytes", "2048") { "\($0.integer("http.maxHeaderBytes"))" },
        Case("http.maxHeaderFields", "20") { "\($0.integer("http.maxHeaderFields"))" },
        Case("http.headerSeconds", "3") { "\($0.integer("http.headerSeconds"))" },
        Case("http.leastBodyRate", "3") { "\($0.integer("http.leastBodyRate"))" },
        Case("http.bodyWindowSeconds", "3") { "\($0.integer("http.bodyWindowSeconds"))" },
        Case("http.maxConnections", "30") { "\($0.integer("http.maxConnections"))" },
        Case("http.maxConnectionsPerAddress", "3") { "\($0.integer("http.maxConnectionsPerAddress"))" },
        Case("http.trustedProxies", "10.0.0.0/8") { "\($0.list("http.trustedProxies"))" },
        Case("auth.accountFailures", "3") { "\($0.api.throttle)" },
        Case("auth.addressFailures", "3") { "\($0.api.throttle)" },
        Case("auth.failureWindowSeconds", "3") { "\($0.api.throttle)" },
        Case("auth.addressSignUps", "3") { "\($0.api.throttle)" },
        Case("auth.signUpWindowSeconds", "3") { "\($0.api.throttle)" },
        Case("auth.accountHashes", "3") { "\($0.api.throttle)" },
        Case("auth.addressHashes", "3") { "\($0.api.throttle)" },
        Case("http.idleSeconds", "9") { "\($0.integer("http.idleSeconds"))" },
        Case("http.corsOrigins", "https://a.example, https://b.example") { "\($0.list("http.corsOrigins"))" },
        Case("database.url", "postgres://x") { $0.text("database.url") },
        Case("database.passwordFile", "p") { $0.text("database.passwordFile") },
        Case("database.poolSize", "3") { "\($0.integer("database.poolSize"))" },
        Case("database.statementSeconds", "3") { "\($0.seconds("database.statementSeconds"))" },
        Case("storage.kind", "s3") { $0.text("storage.kind") },
        Case("storage.bucket", "b") { $0.text("storage.bucket") },
        Case("storage.region", "sa-east-1") { $0.text("storage.region") },
        Case("storage.endpoint", "http://s3.example") { $0.text("storage.endpoint") },
        Case("storage.addressing", "path") { $0.text("storage.addressing") },
        Case("queue.kind", "sqs") { $0.text("queue.kind") },
        Case("queue.name", "q") { $0.text("queue.name") },
        Case("queue.deadLetterName", "d") { $0.text("queue.deadLetterName") },
        Case("queue.region", "sa-east-1") { $0.text("queue.region") },
        Case("queue.endpoint", "http://sqs.example") { $0.text("queue.endpoint") },
        Case("queue.maxOutboxSeconds", "60") { "\($0.api.admission)" },
        Case("queue.maxUnfinishedSeconds", "60") { "\($0.api.admission)" },
        Case("queue.leaseSeconds", "60") { "\($0.worker.lease)" },
        Case("queue.pollSeconds", "3") { "\($0.worker.pollWait)" },
        Case("worker.slots", "3") { "\($0.worker.slots)" },
        Case("worker.threads", "3") { "\($0.integer("worker.threads"))" },
        Case("worker.memoryBudget", "1000") { "\($0.integer("worker.memoryBudget"))" },
        Case("worker.attemptDeadlineSeconds", "60") { "\($0.worker.attemptDeadline)" },
        Case("worker.firstRetrySeconds", "3") { "\($0.worker.retryDelays)" },
        Case("worker.laterRetrySeconds", "3") { "\($0.worker.retryDelays)" },
        Case("worker.brandDir", "/brand") { $0.text("worker.brandDir") },
        Case("contest.maxFileBytes", "7000000") { "\($0.contest.maximumFileBytes)" },
        Case("contest.minSeconds", "20") { "\($0.contest.minimumDuration)" },
        Case("contest.maxSeconds", "60") { "\($0.contest.maximumDuration)" },
        Case("contest.maxPixels", "2073600") { "\($0.contest.maximumPixels)" },
        Case("contest.minLines", "1080") { "\($0.contest.minimumLines)" },
        Case("contest.maxFrameRate", "60") { "\($0.contest.maximumFrameRate)" },
        Case("contest.maxStreams", "2") { "\($0.contest.maximumStreams)" },
        Case("contest.maxVideosPerPlayer", "2") { "\($0.contest.maximumVideosPerPlayer)" },
        Case("contest.allowSelfVote", "true") { "\($0.contest.allowSelfVote)" },
        Case("contest.maxWaitingVotes", "2") { "\($0.contest.maximumWaitingVotes)" },
        Case("auth.keys", "1:a,2:b") { "\($0.list("auth.keys"))" },
        Case("auth.keysFile", "k") { $0.text("auth.keysFile") },
        Case("auth.tokenSeconds", "60") { "\($0.seconds("auth.tokenSeconds"))" },
        Case("metrics.intervalSeconds", "5") { "\($0.seconds("metrics.intervalSeconds"))" },
        Case("log.level", "debug") { "\($0.logLevel)" },
        Case("log.format", "json") { "\($0.logFormat)" },
        Case("drain.noticeSeconds", "5") { "\($0.seconds("drain.noticeSeconds"))" },
        Case("drain.graceSeconds", "5") { "\($0.worker.drainGrace)" },
        Case("reconciler.intervalSeconds", "5") { "\($0.api.reconciler.interval)" },
        Case("reconciler.redispatchAfterSeconds", "60") { "\($0.api.reconciler.redispatchAfter)" },
        Case("reconciler.orphanAgeSeconds", "60") { "\($0.api.reconciler.orphanAge)" },
        Case("reconciler.sweepSeconds", "60") { "\($0.api.reconciler.sweepInterval)" },
        Case("dataDir", "/var/lib/anb") { $0.dataDir },
    ]

    @Test("every key of the schema has a case here")
    func complete() {
        #expect(Set(Self.cases.map(\.key)) == Set(ConfigurationSchema.settings.map(\.path)))
    }

    @Test(
        "a key changes what the node is made from, whether it comes from argument (but for secrets), variable or file",
        arguments: cases)
    func effect(setting: Case) throws {
        let schema = try #require(ConfigurationSchema.setting(setting.key))
        let usual = setting.reads(try Self.read())
        let changed = setting.reads(try Self.read(environment: [schema.environmentName: setting.value]))
        #expect(changed != usual)
        for name in schema.ecosystemNames {
            #expect(setting.reads(try Self.read(environment: [name: setting.value])) == changed)
        }
        #expect(setting.reads(try Self.read(file: Self.json(setting, schema))) == changed)
        if schema.isSecret {
            #expect(throws: ConfigurationError.self) { try Self.read(arguments: [setting.key: setting.value]) }
        } else {
            #expect(setting.reads(try Self.read(arguments: [setting.key: setting.value])) == changed)
        }
    }

    @Test("argument wins over ANB_ variable, over the ecosystem's variable, over the file")
    func precedence() throws {
        let file = #"{"http":{"port":1}}"#
        #expect(try Self.read(file: file).integer("http.port") == 1)
        #expect(try Self.read(environment: ["PORT": "2"], file: file).integer("http.port") == 2)
        let both = ["PORT": "2", "ANB_HTTP_PORT": "3"]
        #expect(try Self.read(environment: both, file: file).integer("http.port") == 3)
        #expect(
            try Self.read(arguments: ["port": "4"], environment: both, file: file).integer("http.port") == 4)
    }

    private static func read(
        arguments: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws -> NodeConfiguration {
        try NodeConfiguration(
            arguments: arguments, environment: environment,
            file: file.map { (path: "cluster.json", bytes: Array($0.utf8)) }, folder: "/work")
    }

    /// `cluster.json` with this one key.
    private static func json(_ setting: Case, _ schema: Setting) throws -> String {
        let value =
            switch try schema.parse(setting.value) {
            case .integer(let number): "\(number)"
            case .flag(let flag): "\(flag)"
            case .text(let text): "\"\(text)\""
            case .list(let items): "[" + items.map { "\"\($0)\"" }.joined(separator: ",") + "]"
            }
        let names = setting.key.split(separator: ".")
        return names.reversed().reduce(value) { inner, name in "{\"\(name)\":\(inner)}" }
    }
}
