import Actors
import FoundationEssentials
import Synchronization

/// What a queue is called and how it treats its messages: the owner's numbers, as the SQS queues have them.
package struct PostgresJobQueueConfiguration: Sendable, Equatable {
    /// Also the channel on which waiting consumers are notified; at most 63 bytes.
    package var name: String
    /// How long a message lives after it was first sent.
    package var retention: Duration
    /// Nil: messages may be received for ever.
    package var redrive: Redrive?

    package struct Redrive: Sendable, Equatable {
        package var deadLetterQueue: String
        /// A message received this often moves instead of being received once more.
        package var maximumReceives: Int

        package init(deadLetterQueue: String, maximumReceives: Int) {
            self.deadLetterQueue = deadLetterQueue
            self.maximumReceives = maximumReceives
        }
    }

    package init(name: String, retention: Duration, redrive: Redrive?) {
        self.name = name
        self.retention = retention
        self.redrive = redrive
    }

    package static let jobs = Self(
        name: "anb-video-processing-queue", retention: .seconds(4 * 86_400),
        redrive: Redrive(deadLetterQueue: deadLetters.name, maximumReceives: 3))
    package static let deadLetters = Self(
        name: "anb-video-processing-dlq", retention: .seconds(14 * 86_400), redrive: nil)
}

/// A queue in a table, with the semantics of SQS, for clusters on one machine.
///
/// Any number of consumers and processes may use it at once: a receive locks what it takes and skips what others lock.
/// Waiting costs nothing but a subscription: a consumer looks when it is notified of a send, and when the next message
/// becomes visible. When the database does not answer, every method throws `.unavailable`.
package struct PostgresJobQueue: JobQueue {
    /// SQS's limits for one request, and its longest delay and wait.
    static let maximumMessages = 10
    static let maximumDelay = OutgoingMessage.maximumDelay
    static let maximumWait: Duration = .seconds(20)
    static let maximumVisibility: Duration = .seconds(43_200)

    let client: PostgresClient
    let configuration: PostgresJobQueueConfiguration
    let clock: any NodeClock
    let listening = PostgresJobQueueListening()
    private let database: PostgresDatabase

    package init(client: PostgresClient, configuration: PostgresJobQueueConfiguration, clock: any NodeClock) {
        self.client = client
        self.configuration = configuration
        self.clock = clock
        database = PostgresDatabase(client: client)
    }

    package func send(_ messages: [OutgoingMessage]) async throws(JobQueueError) {
        guard !messages.isEmpty else { return }
        guard messages.count <= Self.maximumMessages,
            messages.allSatisfy({ (.zero...Self.maximumDelay).contains($0.delay) })
        else { throw .rejected("at most 10 messages with delays of at most 900 s") }
        let bodies = messages.map { JobMessageCodec.encode($0.job) }
        let delays = messages.map { $0.delay.nanoseconds / 1000 }
        _ = try await query(
            PostgresJobQueueStatements.send,
            [.text(configuration.name), .textArray(bodies), .int64Array(delays)])
    }

    package func extend(_ receipt: Receipt, visibility: Duration) async throws(JobQueueError) {
        guard (.zero...Self.maximumVisibility).contains(visibility) else {
            throw .rejected("a visibility of at most 43,200 s")
        }
        try await touch(receipt, PostgresJobQueueStatements.extend, [.microseconds(visibility)])
    }

    package func delete(_ receipt: Receipt) async throws(JobQueueError) {
        try await touch(receipt, PostgresJobQueueStatements.delete, [])
    }

    private func touch(_ receipt: Receipt, _ statement: PostgresStatement, _ more: [PostgresValue])
        async throws(JobQueueError)
    {
        guard let uuid = UUID(uuidString: receipt.handle) else { throw .staleReceipt }
        let rows = try await query(statement, [.text(configuration.name), .uuid(uuid)] + more)
        guard !rows.isEmpty else { throw .staleReceipt }
    }

    /// Receives without waiting.
    func take(maximum: Int, visibility: Duration) async throws(JobQueueError) -> [ReceivedMessage] {
        let redrive = configuration.redrive
        while true {
            let rows = try await query(
                PostgresJobQueueStatements.receive,
                [
                    .text(configuration.name), .int64(Int64(maximum)), .microseconds(visibility),
                    .microseconds(configuration.retention), redrive.map { .text($0.deadLetterQueue) } ?? .null,
                    .count(redrive?.maximumReceives ?? 0),
                ])
            var messages: [ReceivedMessage] = []
            var becameDeadLetters = 0
            do throws(PostgresError) {
                becameDeadLetters = try rows[0].count(2)
                for row in rows.dropFirst() {
                    messages.append(
                        ReceivedMessage(
                            receipt: Receipt(handle: try row.uuid(0).uuidString.lowercased()),
                            job: JobMessageCodec.decode(try row.text(1)), receiveCount: try row.count(2)))
                }
            } catch {
                throw .rejected("\(RepositoryError(error))")
            }
            // What moved away may have hidden what can be received.
            if !messages.isEmpty || becameDeadLetters == 0 { return messages }
        }
    }

    /// Until the next message can be seen; nil when there is none.
    func nextVisible() async throws(JobQueueError) -> Duration? {
        let rows = try await query(PostgresJobQueueStatements.nextVisible, [.text(configuration.name)])
        do throws(PostgresError) {
            return try rows[0].optionalInt64(0).map { .microseconds($0) }
        } catch {
            throw .rejected("\(RepositoryError(error))")
        }
    }

    package func depth() async throws(JobQueueError) -> QueueDepth {
        let rows = try await query(PostgresJobQueueStatements.depth, [.text(configuration.name)])
        do throws(PostgresError) {
            return QueueDepth(
                visible: try rows[0].count(0), inFlight: try rows[0].count(1), delayed: try rows[0].count(2))
        } catch {
            throw .rejected("\(RepositoryError(error))")
        }
    }

    private func query(_ statement: PostgresStatement, _ parameters: [PostgresValue]) async throws(JobQueueError)
        -> PostgresRows
    {
        do throws(PostgresError) {
            return try await database.rows(statement, parameters)
        } catch {
            switch RepositoryError(error) {
            case .unavailable(let reason): throw .unavailable(reason)
            case .refused(let reason): throw .rejected(reason)
            }
        }
    }
}
