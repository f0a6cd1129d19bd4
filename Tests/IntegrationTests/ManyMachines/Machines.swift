import Actors
import FoundationEssentials
import Glibc
import Logging
import Testing
import Transport

/// Two API nodes that share nothing but PostgreSQL, S3 and SQS, with a fault proxy before each; tests add workers.
struct Machines: Sendable {
    static let lease: Duration = .seconds(8)
    static let recovery: Duration = lease + .seconds(10)
    /// Of every node.
    static let settings = [
        "queue.leaseSeconds=8", "worker.firstRetrySeconds=1", "worker.laterRetrySeconds=1", "log.level=debug",
    ]
    static func apiSettings(redispatchAfterSeconds: Int = 10) -> [String] {
        [
            "reconciler.intervalSeconds=1", "reconciler.sweepSeconds=1", "reconciler.orphanAgeSeconds=8",
            "reconciler.redispatchAfterSeconds=\(redispatchAfterSeconds)",
        ]
    }

    @TaskLocal static var running: Machines?
    static var current: Machines {
        get throws { try #require(running) }
    }

    let cluster: Cluster
    let apis: [ClusterNode]
    let database: ClusterDatabase
    let store: S3ObjectStore

    /// One node or the other, in turn: no test may rest on talking to the same one twice.
    func api(_ turn: Int) -> API { apis[turn % apis.count].api }

    func worker(_ settings: [String] = [], variables: [String: String] = [:]) async throws -> ClusterNode {
        try await cluster.start(
            "worker", Self.settings + settings, environment: try Self.environment().merging(variables) { $1 },
            ownFolder: "worker-\(UInt32.random(in: .min ... .max))")
    }

    /// Runs `body` beside workers, which are stopped afterwards, whatever happened.
    func withWorkers<Result>(
        _ count: Int = 1, _ settings: [String] = [], _ body: ([ClusterNode]) async throws -> Result
    ) async throws -> Result {
        var workers: [ClusterNode] = []
        func stop() async {
            for worker in workers {
                worker.program.send(SIGCONT)
                await worker.program.stop()
            }
        }
        do {
            for _ in 0..<count { workers.append(try await worker(settings)) }
            let result = try await body(workers)
            await stop()
            return result
        } catch {
            await stop()
            throw error
        }
    }

    /// What `deploy/aws-local` has set for this process, for a node of it.
    static func environment() throws -> [String: String] {
        guard getenv("ANB_LOCAL_FOLDER") != nil else {
            throw RunningProgram.Failed(description: "run these tests by ./anb test: it starts the servers")
        }
        return ProcessInfo.processInfo.environment.filter { name, _ in
            name.hasPrefix("AWS_") || name == "DATABASE_URL" || (name.hasPrefix("ANB_") && !name.hasPrefix("ANB_LOCAL"))
        }
    }

    /// The process of a server; `aws_local.py` starts it anew when it dies.
    static func server(_ name: String) throws -> pid_t {
        let folder = try #require(getenv("ANB_LOCAL_FOLDER").map { String(cString: $0) })
        let text = RunningProgram.text("\(folder)/\(name).pid")
        return try #require(pid_t(text), "\(name).pid holds \"\(text)\"")
    }

    /// Kills a server and waits until another one is there in its place.
    static func killServer(_ name: String) async throws {
        let old = try server(name)
        kill(old, SIGKILL)
        try await untilTrue("\(name) is started again", within: .seconds(30)) { try server(name) != old }
    }

    func provision() async throws {
        try await RunningProgram.run(
            "/usr/bin/env", try Self.environment().map { "\($0.key)=\($0.value)" } + [Cluster.binary(), "provision"],
            in: cluster.folder)
    }

    // MARK: - What must hold in the end

    /// Every accepted upload is finished, with one commit at most; no message, no entry, no object is left over; both
    /// nodes' rankings are the recount's.
    func expectWhole(within bound: Duration = .seconds(60), at location: SourceLocation = #_sourceLocation) async throws
    {
        try await FaultProxy.clearAll()
        do {
            try await untilTrue("all videos are finished", within: bound) {
                try await database.number("SELECT count(*) FROM videos WHERE state < 2") == 0
            }
            let twice = """
                SELECT count(*) FROM (SELECT video_id FROM video_events WHERE kind = 'processed'
                GROUP BY video_id HAVING count(*) > 1) twice
                """
            #expect(try await database.number(twice) == 0, "committed twice", sourceLocation: location)
            try await untilTrue("the outbox is empty", within: Self.recovery) {
                try await database.number("SELECT count(*) FROM outbox") == 0
            }
            let wanted = try await wantedObjects()
            try await untilTrue("the store holds what the rows say", within: .seconds(60)) {
                try await objects() == wanted
            }
        } catch {
            let kept = try await objects().symmetricDifference(try await wantedObjects())
            Issue.record("\(error); objects: \(kept.sorted())", sourceLocation: location)
        }
        try await expectRankings(at: location)
    }

    func objects() async throws -> Set<String> {
        var names: Set<String> = []
        for prefix in [ObjectPrefix.original, .processed] {
            var last: ObjectKey?
            while true {
                let page = try await store.list(prefix, after: last, limit: 1000)
                names.formUnion(page.map(\.key.name))
                last = page.last?.key
                if page.count < 1000 { break }
            }
        }
        return names
    }

    private func wantedObjects() async throws -> Set<String> {
        let originals = try await database.texts("SELECT original_key FROM videos")
        let ids = try await database.texts("SELECT id::text FROM videos WHERE state = 2")
        return Set(originals + ids.flatMap { ["processed/\($0).mp4", "processed/\($0).jpg"] })
    }

    /// Byte for byte what a `SELECT` says, on each node within a second.
    func expectRankings(at location: SourceLocation = #_sourceLocation) async throws {
        let recount = """
            SELECT r.position::text || '|' || r.username || '|' || r.city || '|' || r.votes FROM (
                SELECT rank() OVER (ORDER BY count(*) DESC) AS position, u.username, u.city, count(*) AS votes
                FROM votes v JOIN videos c ON c.id = v.video_id AND c.state = 2 JOIN users u ON u.id = c.owner_id
                GROUP BY u.id, u.username, u.city) r
            ORDER BY r.votes DESC, r.username COLLATE "C" LIMIT 1000
            """
        let wanted = try await database.texts(recount)
        for node in apis {
            var shown: [String] = []
            do {
                try await untilTrue("the ranking is the recount", within: .seconds(1)) {
                    let answer = try await node.api.get("/api/public/rankings?limit=1000")
                    shown = (answer.json.items ?? []).map { row in
                        let position = row["position"]?.number.map { "\(Int($0))" } ?? "?"
                        let votes = row["votes"]?.number.map { "\(Int($0))" } ?? "?"
                        return "\(position)|\(row["username"]?.text ?? "?")|\(row["city"]?.text ?? "?")|\(votes)"
                    }
                    return shown == wanted
                }
            } catch {
                let isEqual = shown == wanted
                #expect(
                    isEqual, "node \(node.port): \(shown.count) rows, recount \(wanted.count)",
                    sourceLocation: location)
            }
        }
    }

    // MARK: - What must hold of one video

    func finished(_ id: String, of player: API.Player, within bound: Duration = .seconds(60)) async throws -> JSON {
        var turn = 0
        return try await eventually("video \(id) is finished", within: bound) {
            turn += 1
            // While a service is away a node may say so.
            guard let answer = try? await api(turn).video(id, of: player) else { return nil }
            return ["processed", "failed"].contains(answer["status"]?.text) ? answer : nil
        }
    }

    func expectProcessed(
        _ id: String, of player: API.Player, within bound: Duration = .seconds(60),
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let video = try await finished(id, of: player, within: bound)
        #expect(video["status"] == "processed", "\(video)", sourceLocation: location)
    }
}

/// The fault proxies before the services (microburst: its documentation has the rules).
enum FaultProxy {
    enum Service: String, CaseIterable {
        case s3, sqs, postgres
    }

    /// Rules as JSON objects; they stand until cleared, or for as often as they say.
    static func set(_ service: Service, _ rules: String...) async throws {
        try await replace(service, "[\(rules.joined(separator: ","))]")
    }

    static func clear(_ service: Service) async throws { try await replace(service, "[]") }

    static func clearAll() async throws {
        for service in Service.allCases { try await clear(service) }
    }

    /// With the rules, and without them afterwards.
    static func with<Result>(
        _ service: Service, _ rules: String, _ body: () async throws -> Result
    ) async throws -> Result {
        try await set(service, rules)
        do {
            let result = try await body()
            try await clear(service)
            return result
        } catch {
            try await clear(service)
            throw error
        }
    }

    private static func replace(_ service: Service, _ rules: String) async throws {
        let name = "ANB_LOCAL_FAULTS_\(service.rawValue.uppercased())"
        let base = try #require(getenv(name).map { String(cString: $0) })
        let client = try Machines.current.cluster.client
        let answer = try await client.send(
            HTTPClientRequest(
                method: "POST", url: "\(base)/_microburst/rules", headers: ["Content-Type": "application/json"],
                body: .bytes(Array(rules.utf8))), deadline: .seconds(10), maxBodyBytes: 4_000_000)
        guard (200..<300).contains(answer.status) else {
            throw RunningProgram.Failed(
                description: "\(service): \(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
        }
    }
}

/// Provisions, and starts both API nodes for a suite.
struct MachineStage: SuiteTrait, TestScoping {
    var redispatchAfterSeconds = 10

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let environment = try Machines.environment()
        let url = try #require(getenv("ANB_LOCAL_DATABASE_URL").map { String(cString: $0) })
        try await Cluster.use { cluster in
            var direct = try PostgresConfiguration.parse(url: url)
            direct.applicationName = "anb faults"
            try await ClusterDatabase.use(direct) { database in
                let endpoint = try #require(
                    AWSEndpoint(url: environment["AWS_ENDPOINT_URL_S3"] ?? "", service: "s3", region: "us-east-1"))
                let credentials = AWSCredentials(
                    accessKeyID: environment["AWS_ACCESS_KEY_ID"] ?? "",
                    secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "")
                let store = S3ObjectStore(
                    client: AWSClient(
                        endpoint: endpoint, http: cluster.client, credentials: StaticCredentials(credentials),
                        wallClock: SystemWallClock(), logger: Logger(label: "machines")),
                    bucket: S3Bucket(name: environment["ANB_STORAGE_BUCKET"] ?? "", isPathStyle: true))
                let bare = Machines(cluster: cluster, apis: [], database: database, store: store)
                try await bare.provision()
                var apis: [ClusterNode] = []
                for number in 1...2 {
                    apis.append(
                        try await cluster.start(
                            "api",
                            Machines.settings + Machines.apiSettings(redispatchAfterSeconds: redispatchAfterSeconds),
                            environment: environment,
                            ownFolder: "api-\(number)"))
                }
                let machines = Machines(cluster: cluster, apis: apis, database: database, store: store)
                try await Machines.$running.withValue(machines) {
                    try await FaultProxy.clearAll()
                    try await function()
                }
            }
        }
    }
}
