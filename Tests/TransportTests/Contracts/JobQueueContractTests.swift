import Actors
import FoundationEssentials
import Simulation
import Synchronization
import Testing
import Transport

/// What every `JobQueue` promises: on the database, and on both servers that speak SQS's protocol.
@Suite("many machines: the contract of job queues", .serialized)
struct ManyMachinesJobQueues {
    enum Service: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case simulation, database, ministack, moto

        var testDescription: String { rawValue }
        var variable: String { self == .moto ? "ANB_LOCAL_MOTO" : "AWS_ENDPOINT_URL_SQS" }
    }

    private static let ids = IdentifierSource(random: SystemRandom())

    private static func job(_ number: Int) -> JobMessage {
        JobMessage(Dispatch(video: VideoID("6ba7b810-9dad-41d1-80b4-00c04fd430c8")!, number: number))
    }

    private static func withQueues(
        _ service: Service, _ body: @Sendable (_ jobs: any JobQueue, _ letters: any JobQueue) async throws -> Void
    ) async throws {
        if service == .simulation { return try await LivePorts.with { try await body($0.jobs, $0.letters) } }
        if service == .database {
            return try await withDatabase { database in
                try await body(
                    PostgresJobQueue(client: database.client, configuration: .jobs, clock: RealClock()),
                    PostgresJobQueue(client: database.client, configuration: .deadLetters, clock: RealClock()))
            }
        }
        try await LocalAWS.withHTTP { http in
            let client = try LocalAWS.client("sqs", at: service.variable, http: http)
            let name = "test-\(UInt32.random(in: .min ... .max))"
            let letters = SQSQueueSettings(client: client, name: name + "-dlq", deadline: .seconds(10))
            try await letters.create(["MessageRetentionPeriod": "1209600"])
            let arn = try #require(try await letters.attributes()?["QueueArn"])
            try await SQSQueueSettings(client: client, name: name, deadline: .seconds(10)).create([
                "VisibilityTimeout": "3600",
                "RedrivePolicy": #"{"deadLetterTargetArn":"\#(arn)","maxReceiveCount":"3"}"#,
            ])
            try await body(
                SQSJobQueue(client: client, name: name, deadline: .seconds(10)),
                SQSJobQueue(client: client, name: name + "-dlq", deadline: .seconds(10)))
        }
    }

    private static func receive(_ queue: any JobQueue, visibility: Duration = .seconds(60)) async throws
        -> [ReceivedMessage]
    { try await queue.receive(maximum: 10, visibility: visibility, wait: .zero) }

    @Test("what is sent is received once within its visibility, and is gone when deleted", arguments: Service.allCases)
    func once(service: Service) async throws {
        try await Self.withQueues(service) { jobs, _ in
            try await jobs.send((1...10).map { OutgoingMessage(job: Self.job($0), requestID: "req-\($0)") })
            var seen: [ReceivedMessage] = []
            while true {
                let some = try await Self.receive(jobs)
                if some.isEmpty { break }
                seen += some
            }
            #expect(seen.compactMap(\.job?.dispatch.number).sorted() == Array(1...10))
            #expect(seen.allSatisfy { $0.receiveCount == 1 })
            #expect(try await jobs.depth().inFlight == 10)
            for message in seen { try await jobs.delete(message.receipt) }
            let depth = try await jobs.depth()
            #expect(depth == QueueDepth(visible: 0, inFlight: 0, delayed: 0))
        }
    }

    @Test(
        "a message shows again after its visibility, with its count; an extension holds it back",
        arguments: Service.allCases)
    func visibility(service: Service) async throws {
        try await Self.withQueues(service) { jobs, _ in
            try await jobs.send([OutgoingMessage(job: Self.job(1))])
            let first = try #require(try await Self.receive(jobs, visibility: .seconds(1)).first)
            let second = try #require(
                try await jobs.receive(maximum: 1, visibility: .seconds(60), wait: .seconds(5)).first)
            #expect(second.receiveCount == 2 && second.receipt != first.receipt && second.job == first.job)
            try await jobs.extend(second.receipt, visibility: .seconds(120))
            #expect(try await Self.receive(jobs).isEmpty)
            try await jobs.extend(second.receipt, visibility: .zero)
            #expect(try await Self.receive(jobs).first?.receiveCount == 3)
        }
    }

    /// moto takes a stale receipt: the delivery rule does not rest on the server, so it is left out here.
    @Test("a receipt that is not the last one deletes nothing", arguments: [Service.simulation, .database, .ministack])
    func staleReceipt(service: Service) async throws {
        try await Self.withQueues(service) { jobs, _ in
            try await jobs.send([OutgoingMessage(job: Self.job(1))])
            let first = try #require(try await Self.receive(jobs).first)
            try await jobs.extend(first.receipt, visibility: .zero)
            let second = try #require(try await Self.receive(jobs).first)
            await #expect(throws: JobQueueError.staleReceipt) { try await jobs.delete(first.receipt) }
            try await jobs.extend(second.receipt, visibility: .zero)
            #expect(try await Self.receive(jobs).count == 1)
        }
    }

    @Test("after three receives a message is a dead letter", arguments: Service.allCases)
    func redrive(service: Service) async throws {
        try await Self.withQueues(service) { jobs, letters in
            try await jobs.send([OutgoingMessage(job: Self.job(1))])
            for count in 1...3 {
                let message = try #require(try await Self.receive(jobs).first)
                #expect(message.receiveCount == count)
                try await jobs.extend(message.receipt, visibility: .zero)
            }
            #expect(try await Self.receive(jobs).isEmpty)
            let letter = try #require(try await Self.receive(letters).first)
            #expect(letter.job == Self.job(1))
            try await letters.delete(letter.receipt)
            #expect(try await Self.receive(letters).isEmpty)
        }
    }

    @Test("a message waits for its delay, and is counted as delayed", arguments: Service.allCases)
    func delay(service: Service) async throws {
        try await Self.withQueues(service) { jobs, _ in
            try await jobs.send([OutgoingMessage(job: Self.job(1), delay: .seconds(600))])
            try await jobs.send([OutgoingMessage(job: Self.job(2), delay: .seconds(1))])
            #expect(try await jobs.depth().delayed == 2)
            #expect(try await Self.receive(jobs).isEmpty)
            let message = try await jobs.receive(maximum: 10, visibility: .seconds(60), wait: .seconds(5)).first
            #expect(message?.job == Self.job(2))
        }
    }

    @Test("a long poll ends with the message that comes, and with the task that waits", arguments: Service.allCases)
    func longPoll(service: Service) async throws {
        try await Self.withQueues(service) { jobs, _ in
            let start = ContinuousClock.now
            async let waiting = jobs.receive(maximum: 1, visibility: .seconds(60), wait: .seconds(20))
            try await jobs.send([OutgoingMessage(job: Self.job(1))])
            #expect(try await waiting.first?.job == Self.job(1))
            // A child task, so that it stays in the simulation.
            let left = try await withThrowingTaskGroup(of: [ReceivedMessage].self) { group in
                group.addTask { try await jobs.receive(maximum: 1, visibility: .seconds(60), wait: .seconds(20)) }
                try await Task.sleep(for: .milliseconds(200))
                group.cancelAll()
                return try await group.next() ?? []
            }
            #expect(left.isEmpty)
            #expect(ContinuousClock.now - start < .seconds(15))
        }
    }

    @Test(
        "no receive of many at once hands one message to two", arguments: [Service.simulation, .database, .ministack])
    func consumers(service: Service) async throws {
        try await Self.withQueues(service) { jobs, _ in
            for start in stride(from: 1, to: 41, by: 10) {
                try await jobs.send((start..<start + 10).map { OutgoingMessage(job: Self.job($0)) })
            }
            let seen = try await withThrowingTaskGroup(of: [ReceivedMessage].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var mine: [ReceivedMessage] = []
                        while true {
                            let some = try await jobs.receive(maximum: 3, visibility: .seconds(60), wait: .zero)
                            if some.isEmpty { return mine }
                            mine += some
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(seen.count == 40 && Set(seen.map(\.job)).count == 40)
        }
    }

    @Test("the request's id travels as an attribute", arguments: [Service.ministack, .moto])
    func requestID(service: Service) async throws {
        try await LocalAWS.withHTTP { http in
            let client = try LocalAWS.client("sqs", at: service.variable, http: http)
            let name = "test-\(UInt32.random(in: .min ... .max))"
            try await SQSQueueSettings(client: client, name: name, deadline: .seconds(10)).create([:])
            try await SQSJobQueue(client: client, name: name, deadline: .seconds(10)).send([
                OutgoingMessage(job: Self.job(1), requestID: "req-7")
            ])
            let body = Array(
                #"{"QueueUrl":"\#(client.endpoint.scheme)://\#(client.endpoint.authority)/\#(service == .moto ? "123456789012" : "000000000000")/\#(name)","MessageAttributeNames":["All"]}"#
                    .utf8)
            let request = AWSRequest(
                method: "POST", scheme: client.endpoint.scheme, authority: client.endpoint.authority,
                headers: ["Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"],
                payload: .hash(SignatureV4.sha256(body)))
            let answer = try await client.send(
                request, action: "sqs:ReceiveMessage", body: .bytes(body), deadline: .seconds(10), maxBodyBytes: 65536)
            let text = String(decoding: answer.body, as: UTF8.self)
            #expect(text.contains("request_id") && text.contains("req-7"), "\(text)")
        }
    }

    @Test(
        "a queue that is made anew is found again, and one that is not there is said to be away",
        arguments: [Service.ministack, .moto])
    func missing(service: Service) async throws {
        try await LocalAWS.withHTTP { http in
            let client = try LocalAWS.client("sqs", at: service.variable, http: http)
            let name = "test-\(UInt32.random(in: .min ... .max))"
            let queue = SQSJobQueue(client: client, name: name, deadline: .seconds(10))
            do throws(JobQueueError) {
                try await queue.send([OutgoingMessage(job: Self.job(1))])
                Issue.record("sent to a queue that is not there")
            } catch {
                guard case .unavailable = error else { throw error }
            }
            let settings = SQSQueueSettings(client: client, name: name, deadline: .seconds(10))
            #expect(try await settings.attributes() == nil)
            try await settings.create([:])
            try await queue.send([OutgoingMessage(job: Self.job(1))])
            #expect(try await Self.receive(queue).count == 1)
            try await settings.set(["VisibilityTimeout": "77"])
            #expect(try await settings.attributes()?["VisibilityTimeout"] == "77")
        }
    }
}
