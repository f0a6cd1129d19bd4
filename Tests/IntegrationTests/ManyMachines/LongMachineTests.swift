import Actors
import Foundation
import Glibc
import Logging
import Synchronization
import Testing
import Transport

extension Integration {
    /// Fifty clips wait longer than the ten seconds after which the other suites take a dispatch for lost.
    @Suite("many machines, long", .serialized, MachineStage(redispatchAfterSeconds: 7200)) struct ManyMachinesLong {
        @Test(
            "ten rolling restarts of all workers during fifty transcodes: none failed, no dead letter, one commit each")
        func rollingRestarts() async throws {
            let machines = try Machines.current
            let clips = try await Clips.shared()
            let player = try await machines.api(0).signUp()
            for turn in 0..<50 { _ = try await machines.api(turn).upload(clips.fullHD60, by: player) }
            let settings = ["0", "4"].map { ["drain.graceSeconds=\($0)"] }
            var workers: [ClusterNode] = []
            for settings in settings { workers.append(try await machines.worker(settings)) }
            func count(_ state: String) async throws -> Int {
                try await machines.database.number(
                    "SELECT count(*) FROM videos WHERE owner_id = '\(player.id)' AND state \(state)")
            }
            for round in 0..<10 {
                try await untilTrue("\(round * 4) clips are processed", within: .seconds(90)) {
                    try await count("= 2") >= round * 4
                }
                for index in workers.indices {
                    _ = try await eventually("ffmpeg runs", within: .seconds(20)) {
                        ProcessTable.encoders(of: workers[index].pid).first
                    }
                    workers[index].program.send(SIGTERM)
                    #expect(try await workers[index].program.end(within: .seconds(10)) == .exited(0))
                    workers[index] = try await machines.worker(settings[index])
                }
            }
            try await untilTrue("all are finished", within: .seconds(300)) { try await count(">= 2") == 50 }
            #expect(try await count("= 2") == 50)
            try await machines.expectWhole()
            #expect(try await machines.depth("anb-video-processing-dlq") == 0)
            let others = "SELECT count(*) FROM video_events WHERE kind IN ('retried', 'failed', 'redispatched')"
            #expect(try await machines.database.number(others) == 0)
            for worker in workers { await worker.program.stop() }
        }

        @Test("the queue is away for two minutes: what was uploaded meanwhile is processed once")
        func queueAwayForMinutes() async throws {
            let machines = try Machines.current
            let clip = try await Clips.shared().small
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers { _ in
                let ids = try await FaultProxy.with(.sqs, #"{"service":"*","reset":true}"#) {
                    var ids: [String] = []
                    for turn in 0..<12 {
                        ids.append(try await machines.api(turn).upload(clip, by: player))
                        try await Task.sleep(for: .seconds(10))
                    }
                    return ids
                }
                for id in ids { try await machines.expectProcessed(id, of: player, within: .seconds(120)) }
                try await machines.expectWhole()
            }
        }

        @Test(
            "a store that moves one kilobyte a second is given up and tried again, up and down",
            arguments: [
                #"{"service":"s3","operation":"PutObject","request":{"slow_upload":{"rate_kbps":1}},"times":1}"#,
                #"{"service":"s3","operation":"GetObject","response":{"bandwidth_kbps":1},"times":1}"#,
            ])
        func slowStore(rule: String) async throws {
            let machines = try Machines.current
            let large = try await Clips.shared().small.padded(to: 21_000_000)
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers { _ in
                try await FaultProxy.with(.s3, rule) {
                    var api = machines.api(0)
                    api.deadline = .seconds(120)
                    let id = try await api.upload(large, by: player)
                    try await machines.expectProcessed(id, of: player, within: .seconds(120))
                }
                try await machines.expectWhole()
            }
        }

        /// Two more API nodes, each killed ten times in the midst of votes and erasures.
        @Test("after 100,000 votes, erasures and twenty deaths each node's ranking is the recount's, byte for byte")
        func votes() async throws {
            let machines = try Machines.current
            let contest = try await Contest.make(in: machines, players: 250, fans: 500)
            var nodes: [ClusterNode] = []
            for number in 1...2 { nodes.append(try await Self.node(machines, number)) }
            let traffic = Traffic(nodes.map(\.api.origin))
            let client = machines.cluster.client
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<24 {
                    group.addTask {
                        while let origin = traffic.next(of: 100_000) {
                            traffic.note(await contest.voteAtRandom(origin, client))
                        }
                    }
                }
                for death in 0..<20 {
                    try await untilTrue("it goes on", within: .seconds(120)) {
                        traffic.asked > death * 4800
                    }
                    let index = death % 2
                    nodes[index].program.send(SIGKILL)
                    _ = try await nodes[index].program.end(within: .seconds(10))
                    nodes[index] = try await Self.node(machines, index + 1)
                    traffic.replace(index, by: nodes[index].api.origin)
                    await contest.eraseOne(nodes[1 - index].api.origin, machines.cluster.client)
                }
                try await group.waitForAll()
            }
            let counts = traffic.answered
            #expect((counts[200] ?? 0) > 20_000, "\(counts)")
            let all = Machines(
                cluster: machines.cluster, apis: machines.apis + nodes, database: machines.database,
                store: machines.store)
            try await all.expectRankings()
            for node in nodes { await node.program.stop() }
        }

        @Test("a machine is cut off in silence: the others go on, it stops what it lost, and comes back by itself")
        func partition() async throws {
            let machines = try Machines.current
            let clips = try await Clips.shared()
            try await IsolatedNetwork.use(in: machines.cluster.folder) { network in
                func start(_ role: String) async throws -> ClusterNode {
                    try await machines.cluster.start(
                        role, Machines.settings + (role == "api" ? Machines.apiSettings() : []),
                        environment: try Machines.environment(), wrapper: network.wrapper, ownFolder: "island-\(role)",
                        host: network.address)
                }
                let (island, worker) = (try await start("api"), try await start("worker"))
                let player = try await island.api.signUp()
                let fan = try await machines.api(0).signUp(first: "Luz", last: "Mora")
                let first = try await island.api.upload(clips.small, by: player)
                try await machines.expectProcessed(first, of: player)
                let second = try await island.api.upload(clips.long, by: player)
                _ = try await eventually("ffmpeg runs on it", within: .seconds(40)) {
                    ProcessTable.encoders(of: worker.pid).first
                }
                try await network.cut()
                try await machines.withWorkers { _ in
                    #expect(try await machines.api(1).vote(first, by: fan).status == 200)
                    try await untilTrue("another one has taken it over", within: Machines.recovery) {
                        try await machines.database.count("claimed", of: second) > 1
                    }
                    #expect(ProcessTable.encoders(of: worker.pid).isEmpty)
                    try await machines.expectProcessed(second, of: player)
                }
                try await network.heal()
                try await untilTrue("it is ready again", within: .seconds(60)) {
                    try await island.api.get("/api/ready").status == 200
                }
                let third = try await island.api.upload(clips.small, by: player)
                try await machines.expectProcessed(third, of: player)
                #expect(try await machines.database.count("processed", of: second) == 1)
                let all = Machines(
                    cluster: machines.cluster, apis: machines.apis + [island], database: machines.database,
                    store: machines.store)
                try await all.expectWhole()
                for node in [island, worker] { await node.program.stop() }
            }
        }

        private static func node(_ machines: Machines, _ number: Int) async throws -> ClusterNode {
            try await machines.cluster.start(
                "api", Machines.settings.filter { $0 != "log.level=debug" } + Machines.apiSettings(),
                environment: try Machines.environment(), ownFolder: "voting-\(number)")
        }
    }
}

/// What is asked of which node, and what was answered.
private final class Traffic: Sendable {
    private let state: Mutex<(origins: [String], asked: Int, answered: [Int: Int])>

    init(_ origins: [String]) { state = Mutex((origins, 0, [:])) }

    var asked: Int { state.withLock { $0.asked } }
    /// By status; 0: no answer.
    var answered: [Int: Int] { state.withLock { $0.answered } }

    /// A node for the next request; nil after `limit` of them.
    func next(of limit: Int) -> String? {
        state.withLock { state in
            guard state.asked < limit else { return nil }
            state.asked += 1
            return state.origins.randomElement()
        }
    }

    func note(_ status: Int) { state.withLock { $0.answered[status, default: 0] += 1 } }
    func replace(_ index: Int, by origin: String) { state.withLock { $0.origins[index] = origin } }
}

/// Players with one processed clip each, and fans, made past the API: thousands of sign-ups would only measure scrypt.
private struct Contest: Sendable {
    let videos: [String]
    /// Tokens of fans; one that is erased stays here and is refused.
    let fans: [String]

    static func make(in machines: Machines, players: Int, fans: Int) async throws -> Contest {
        let ids = IdentifierSource(random: SystemRandomSource())
        let node: NodeID = ids.make()
        let users = PostgresUserRepository(client: machines.database.client)
        let videos = PostgresVideoRepository(client: machines.database.client, node: node)
        func user(_ name: String) async throws -> UserID {
            let id: UserID = ids.make()
            _ = try await users.create(
                NewUser(
                    id: id, firstName: name, lastName: "Ruiz", email: EmailAddress("\(id)@example.com")!,
                    city: ["Cali", "Bogotá", "Medellín"].randomElement()!, country: "Colombia",
                    usernameBase: "\(name).ruiz", passwordHash: "$hash$"))
            return id
        }
        let tiny = LocalFile(machines.cluster.folder + "/tiny")
        try Files.write([0], to: tiny.path)
        var made: [String] = []
        for _ in 0..<players {
            let owner = try await user("player")
            let id: VideoID = ids.make()
            let key = ObjectKey.original(id, fileExtension: "mp4")
            _ = try await videos.create(
                NewVideo(
                    id: id, owner: owner, title: "Clip",
                    original: OriginalObject(
                        key: key, contentType: "video/mp4", sizeBytes: 1, sha256: "ab", duration: .seconds(2))),
                maximumPerPlayer: 10)
            let token: LeaseToken = ids.make()
            _ = try await videos.claim(
                Dispatch(video: id, number: 1), token: token, lease: .seconds(60), node: node)
            _ = try await videos.commit(
                ProcessedResult(video: .processedVideo(id), poster: .poster(id), duration: .seconds(2), sizeBytes: 1),
                of: id, token: token, newToken: ids.make())
            for object in [key, .processedVideo(id), .poster(id)] {
                try await machines.store.put(tiny, at: object, contentType: "video/mp4")
            }
            made.append("\(id)")
        }
        let text = try #require(try Machines.environment()["ANB_AUTH_KEYS"])
        let secret = try #require(
            text.firstIndex(of: ":").flatMap { colon in
                Data(base64Encoded: String(text[text.index(after: colon)...]))
            })
        let now = Int(Date().timeIntervalSince1970)
        var tokens: [String] = []
        for _ in 0..<fans {
            let id = try await user("fan")
            tokens.append(
                try ForgedToken.signed(
                    header: ["alg": "HS256", "typ": "JWT", "kid": .text(String(text.prefix { $0 != ":" }))],
                    claims: [
                        "sub": .text("\(id)"), "iss": "anb", "aud": "anb-api", "iat": .number(Double(now)),
                        "exp": .number(Double(now + 3600)),
                    ], secret: Array(secret)))
        }
        return Contest(videos: made, fans: tokens)
    }

    /// - Returns: the status; 0 when there was no answer.
    func voteAtRandom(_ origin: String, _ client: HTTPClient) async -> Int {
        await call("POST", "\(origin)/api/public/videos/\(videos.randomElement()!)/vote", client)
    }

    func eraseOne(_ origin: String, _ client: HTTPClient) async {
        _ = await call("DELETE", "\(origin)/api/auth", client)
    }

    private func call(_ method: String, _ url: String, _ client: HTTPClient) async -> Int {
        let request = HTTPClientRequest(
            method: method, url: url, headers: ["Authorization": "Bearer \(fans.randomElement()!)"])
        do {
            return try await client.send(request, deadline: .seconds(10), maxBodyBytes: 65536).status
        } catch {
            return 0
        }
    }
}
