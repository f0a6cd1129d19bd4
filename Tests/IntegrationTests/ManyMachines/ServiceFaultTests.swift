import Foundation
import Glibc
import Testing
import Transport

extension Integration {
    /// Each ends with the same check: every accepted upload processed once, or failed with a reason; nothing left over.
    @Suite("many machines: faults of the services", .serialized, MachineStage()) struct ManyMachinesFaults {
        private func upload(_ clip: [UInt8], _ turn: Int, by player: API.Player) async throws -> String {
            try await Machines.current.api(turn).upload(clip, by: player)
        }

        /// The queue's own faults, each once or for a while, with an upload into it.
        @Test(
            "what happens to the queue's answers, no upload is lost and none is processed twice",
            arguments: [
                #"{"service":"sqs","operation":"SendMessageBatch","reset":true,"times":3}"#,
                #"{"service":"sqs","operation":"SendMessageBatch","response":{"abort_frac":0.1},"times":2}"#,
                #"{"service":"sqs","operation":"ReceiveMessage","response":{"abort_frac":0.1},"body":"WaitTimeSeconds","times":1}"#,
                #"{"service":"sqs","operation":"DeleteMessage","response":{"abort_frac":0.1},"times":1}"#,
                #"{"service":"sqs","operation":"DeleteMessage","reset":true,"times":1}"#,
                #"{"service":"sqs","error":{"code":"ThrottlingException","status":400},"probability":0.4,"times":12}"#,
            ])
        func queueAnswers(rule: String) async throws {
            let machines = try Machines.current
            let clip = try await Clips.shared().small
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers { _ in
                let ids = try await FaultProxy.with(.sqs, rule) {
                    var ids: [String] = []
                    for turn in 0..<2 { ids.append(try await upload(clip, turn, by: player)) }
                    for id in ids { try await machines.expectProcessed(id, of: player) }
                    return ids
                }
                #expect(ids.count == 2)
                try await machines.expectWhole()
            }
        }

        @Test("the queue is away at the upload: it is accepted, and processed when the queue is back")
        func queueAway() async throws {
            let machines = try Machines.current
            let clip = try await Clips.shared().small
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers { _ in
                let id = try await FaultProxy.with(.sqs, #"{"service":"*","reset":true}"#) {
                    let id = try await upload(clip, 0, by: player)
                    try await untilTrue("readiness tells of the queue", within: .seconds(40)) {
                        try await machines.api(0).get("/api/ready").status == 503
                    }
                    #expect(try await machines.api(1).get("/api/health").status == 200)
                    return id
                }
                try await machines.expectProcessed(id, of: player)
                try await machines.expectWhole()
            }
        }

        @Test("the queue is restarted empty, its queues gone: provisioned anew, every upload is dispatched again")
        func queueRestartedEmpty() async throws {
            let machines = try Machines.current
            let clip = try await Clips.shared().small
            let player = try await machines.api(0).signUp()
            let id = try await upload(clip, 0, by: player)
            try await untilTrue("the message is sent") {
                try await machines.database.number("SELECT count(*) FROM outbox") == 0
            }
            try await Machines.killServer("ministack")
            try await untilTrue("the queues are made", within: .seconds(20)) {
                (try? await machines.provision()) != nil
            }
            try await machines.withWorkers { _ in
                try await machines.expectProcessed(id, of: player)
                try await machines.expectWhole()
            }
        }

        @Test("S3 is away at the upload: 503 with Retry-After, and nothing is left")
        func storeAwayAtUpload() async throws {
            let machines = try Machines.current
            let clip = try await Clips.shared().small
            let player = try await machines.api(0).signUp()
            for (turn, rule) in [
                #"{"service":"s3","reset":true}"#, #"{"service":"s3","error":{"code":"SlowDown","status":503}}"#,
            ].enumerated() {
                try await FaultProxy.with(.s3, rule) {
                    let answer = try await machines.api(turn).post(
                        "/api/videos/upload", .video(clip, title: "x"), token: player.token)
                    #expect(answer.status == 503 && answer.headers["Retry-After"] != nil)
                }
            }
            #expect(try await machines.api(1).get("/api/videos", token: player.token).json.items == [])
            try await machines.expectWhole()
        }

        /// microburst knows a part as PutObject; of the last step it sees the type of what is sent.
        @Test(
            "a part, the last step, an answer or the bytes of a transfer are lost once: it is repeated",
            arguments: [
                #"{"service":"s3","operation":"PutObject","reset":true,"times":2}"#,
                #"{"service":"s3","operation":"PutObject","request":{"cut_upload":{"after_bytes":200000}},"times":1}"#,
                #"{"service":"s3","headers":{"Content-Type":"application/xml"},"response":{"abort_frac":0.1},"times":1}"#,
                #"{"service":"s3","operation":"CreateMultipartUpload","error":{"code":"InternalError","status":500},"times":2}"#,
                #"{"service":"s3","operation":"GetObject","response":{"abort_frac":0.5},"times":1}"#,
                #"{"service":"s3","operation":"GetObject","response":{"corrupt_bytes":16},"times":1}"#,
                #"{"service":"s3","operation":"PutObject","response":{"abort_frac":0.0},"times":1}"#,
                #"{"service":"s3","error":{"code":"SlowDown","status":503},"probability":0.3,"times":10}"#,
                #"{"service":"s3","operation":"GetObject","error":{"code":"ExpiredToken","status":400},"times":1}"#,
            ])
        func transfers(rule: String) async throws {
            let machines = try Machines.current
            let large = try await Clips.shared().small.padded(to: 21_000_000)
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers { _ in
                try await FaultProxy.with(.s3, rule) {
                    let id = try await upload(large, 0, by: player)
                    try await machines.expectProcessed(id, of: player)
                }
                try await machines.expectWhole()
            }
        }

        @Test("PostgreSQL is killed during a transcode and comes back: one commit")
        func databaseKilled() async throws {
            let machines = try Machines.current
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers { _ in
                let id = try await upload(try await Clips.shared().long, 1, by: player)
                try await untilTrue("it is claimed", within: .seconds(20)) {
                    try await machines.database.count("claimed", of: id) == 1
                }
                try await Machines.killServer("postgres")
                try await machines.expectProcessed(id, of: player)
                try await machines.expectWhole()
            }
        }

        @Test("one node's connections to the database are cut for a while: it does not go on with what it knew")
        func databaseCut() async throws {
            let machines = try Machines.current
            let player = try await machines.api(0).signUp()
            let fan = try await machines.api(1).signUp(first: "Luz", last: "Mora")
            try await machines.withWorkers { _ in
                let id = try await upload(try await Clips.shared().small, 0, by: player)
                try await machines.expectProcessed(id, of: player)
                kill(machines.apis[0].pid, SIGSTOP)
                defer { kill(machines.apis[0].pid, SIGCONT) }
                #expect(try await machines.api(1).vote(id, by: fan).status == 200)
                try await machines.database.client.execute(
                    script: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'anb'")
                kill(machines.apis[0].pid, SIGCONT)
                try await untilTrue("both are ready again", within: .seconds(20)) {
                    for node in machines.apis {
                        guard try await node.api.get("/api/ready").status == 200 else { return false }
                    }
                    return true
                }
                try await machines.expectWhole()
            }
        }

        @Test("SeaweedFS is killed between upload and transcode: the clip is processed once it is back")
        func storeKilled() async throws {
            let machines = try Machines.current
            let player = try await machines.api(0).signUp()
            let id = try await upload(try await Clips.shared().small, 0, by: player)
            try await Machines.killServer("seaweedfs")
            try await machines.withWorkers { _ in
                try await machines.expectProcessed(id, of: player)
                try await machines.expectWhole()
            }
        }

        @Test("a worker is killed during its transcode: another one takes over within lease and ten seconds")
        func workerKilled() async throws {
            let machines = try Machines.current
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers(1) { workers in
                let id = try await upload(try await Clips.shared().long, 0, by: player)
                try await untilTrue("it is claimed", within: .seconds(40)) {
                    try await machines.database.count("claimed", of: id) >= 1
                }
                _ = try await eventually("ffmpeg runs", within: .seconds(20)) {
                    ProcessTable.encoders(of: workers[0].pid).first
                }
                let claims = try await machines.database.count("claimed", of: id)
                workers[0].program.send(SIGKILL)
                try await machines.withWorkers { _ in
                    try await untilTrue("it is claimed again", within: Machines.recovery) {
                        try await machines.database.count("claimed", of: id) > claims
                    }
                    try await machines.expectProcessed(id, of: player)
                    try await machines.expectWhole()
                }
            }
        }

        @Test(
            "a worker sleeps past its lease and wakes: one commit, and its old receipt deletes nothing of the other's")
        func workerPaused() async throws {
            let machines = try Machines.current
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers(1) { sleepers in
                let id = try await upload(try await Clips.shared().long, 0, by: player)
                try await untilTrue("it is claimed", within: .seconds(40)) {
                    try await machines.database.count("claimed", of: id) >= 1
                }
                _ = try await eventually("ffmpeg runs", within: .seconds(20)) {
                    ProcessTable.encoders(of: sleepers[0].pid).first
                }
                let claims = try await machines.database.count("claimed", of: id)
                kill(sleepers[0].pid, SIGSTOP)
                try await machines.withWorkers { others in
                    do {
                        try await untilTrue("it is claimed again", within: Machines.recovery) {
                            try await machines.database.count("claimed", of: id) > claims
                        }
                    } catch {
                        let depth = try await machines.depth("anb-video-processing-queue")
                        let letters = try await machines.depth("anb-video-processing-dlq")
                        Issue.record(
                            "\(error): \(try await machines.database.events(of: id)), \(depth) in the queue, \(letters) letters; \(others[0].program.errors.suffix(3000))"
                        )
                    }
                    kill(sleepers[0].pid, SIGCONT)
                    try await machines.expectProcessed(id, of: player)
                    try await machines.expectWhole()
                }
            }
        }

        /// S3 refuses what is signed more than 15 minutes beside its own time.
        @Test(
            "an API node and a worker whose clocks are 16 minutes off: the clip goes through, and plays by their address",
            arguments: [-16 * 60, 16 * 60])
        func clocksOff(seconds: Int) async throws {
            let machines = try Machines.current
            let binary = try Cluster.binary()
            let library = binary[...(binary.lastIndex(of: "/") ?? binary.startIndex)] + "libclockshift.so"
            try #require(Files.bytes(String(library)) != nil, "\(library) is missing: swift build makes it")
            let usual = try Machines.environment()
            let address = try #require(usual["DATABASE_URL"]?.split(separator: "?").first)
            let clock = [
                "LD_PRELOAD": String(library), "CLOCK_SHIFT_SECONDS": "\(seconds)",
                // The certificate is younger than 16 minutes.
                "DATABASE_URL": "\(address)?sslmode=require",
            ]
            let wrong = try await machines.cluster.start(
                "api", Machines.settings, environment: usual.merging(clock) { $1 },
                ownFolder: "api\(seconds)")
            let worker = try await machines.worker(variables: clock)
            let date = try #require(
                try await wrong.api.get("/api/health").headers["Date"].flatMap { HTTPDate.parse($0) })
            #expect(abs(date.timeIntervalSinceNow - Double(seconds)) < 60, "its date is \(date)")
            let player = try await wrong.api.signUp()
            let fan = try await machines.api(1).signUp(first: "Luz", last: "Mora")
            let me = try await machines.api(0).get("/api/auth/me", token: player.token)
            #expect(me.status == 200)
            let id = try await wrong.api.upload(try await Clips.shared().small, by: player)
            try await machines.expectProcessed(id, of: player)
            let url = try #require(try await wrong.api.video(id, of: player)["processed_url"]?.text)
            #expect(try await machines.api(0).get(url).status == 200)
            #expect(try await wrong.api.vote(id, by: fan).status == 200)
            try await machines.expectWhole()
            for node in [worker, wrong] { await node.program.stop() }
        }

        @Test("messages doubled, of another format, or of a video that nobody knows: none of them is looped")
        func strangeMessages() async throws {
            let machines = try Machines.current
            let player = try await machines.api(0).signUp()
            try await machines.withWorkers { _ in
                let id = try await upload(try await Clips.shared().small, 0, by: player)
                for _ in 0..<3 { try await machines.sendRaw(#"{"format":1,"video_id":"\#(id)","dispatch":1}"#) }
                try await machines.sendRaw(
                    #"{"format":1,"video_id":"00000000-0000-4000-8000-000000000001","dispatch":1}"#)
                try await machines.sendRaw(#"{"format":99,"video":"\#(id)"}"#)
                try await machines.expectProcessed(id, of: player)
                try await untilTrue("the strange one is a dead letter, the others are gone", within: .seconds(60)) {
                    let jobs = try await machines.depth("anb-video-processing-queue")
                    let letters = try await machines.depth("anb-video-processing-dlq")
                    return jobs == 0 && letters == 1
                }
                try await machines.expectWhole()
            }
        }
    }
}

extension Machines {
    private func sqs(_ action: String, _ body: JSON) async throws -> JSON {
        let environment = try Self.environment()
        let base = try #require(environment["AWS_ENDPOINT_URL_SQS"])
        let answer = try await cluster.client.send(
            HTTPClientRequest(
                method: "POST", url: base + "/",
                headers: [
                    "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.\(action)",
                    "Authorization":
                        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
                ], body: .bytes(try body.bytes)), deadline: .seconds(10), maxBodyBytes: 1_000_000)
        guard answer.status == 200 else {
            throw RunningProgram.Failed(description: String(decoding: answer.body, as: UTF8.self))
        }
        return answer.body.isEmpty ? .null : try JSON.parse(answer.body)
    }

    private func url(_ queue: String) async throws -> JSON {
        try #require(try await sqs("GetQueueUrl", ["QueueName": .text(queue)])["QueueUrl"])
    }

    func sendRaw(_ body: String, to queue: String = "anb-video-processing-queue") async throws {
        _ = try await sqs("SendMessage", ["QueueUrl": try await url(queue), "MessageBody": .text(body)])
    }

    func sendLetter(_ body: String) async throws { try await sendRaw(body, to: "anb-video-processing-dlq") }

    /// All messages, visible or not.
    func depth(_ queue: String) async throws -> Int {
        let answer = try await sqs(
            "GetQueueAttributes", ["QueueUrl": try await url(queue), "AttributeNames": ["All"]])
        return [
            "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ].map { name in answer["Attributes"]?[name]?.text.flatMap { Int($0) } ?? 0 }.reduce(0, +)
    }
}
