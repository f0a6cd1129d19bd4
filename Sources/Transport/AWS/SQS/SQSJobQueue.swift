import Actors
import FoundationEssentials
import Synchronization

/// One queue of SQS, or of a server that speaks its protocol. The queue's own attributes (retention, redrive) are set
/// when it is provisioned; each receive passes its visibility.
///
/// A long poll that dies in flight may have taken a message, which then shows again after that visibility.
package final class SQSJobQueue: JobQueue {
    private let sqs: SQSClient
    private let name: String
    /// Asked for once; forgotten when the queue is not there any more.
    private let url = Mutex<String?>(nil)

    /// - Parameter deadline: of each call; below a sixth of the lease, so that a hung extension does not hold the
    ///   database's heartbeat back.
    package init(client: AWSClient, name: String, deadline: Duration) {
        sqs = SQSClient(client: client, deadline: deadline)
        self.name = name
    }

    package func send(_ messages: [OutgoingMessage]) async throws(JobQueueError) {
        guard !messages.isEmpty else { return }
        let url = try await queueURL()
        let entries = messages.enumerated().map { index, message in
            SendBatch.Entry(
                id: "\(index)", messageBody: JobMessageCodec.encode(message.job),
                delaySeconds: max(0, min(900, Int(message.delay.inSeconds.rounded(.up)))),
                messageAttributes: message.requestID.map {
                    ["request_id": SendBatch.Attribute(dataType: "String", stringValue: $0)]
                })
        }
        let answer = try await call("SendMessageBatch", SendBatch(queueUrl: url, entries: entries), BatchAnswer.self)
        if let failed = answer.failed?.first {
            throw .unavailable("SendMessageBatch: \(failed.code ?? "") \(failed.message ?? "")")
        }
    }

    package func receive(maximum: Int, visibility: Duration, wait: Duration) async throws(JobQueueError)
        -> [ReceivedMessage]
    {
        do throws(JobQueueError) {
            let answer = try await call(
                "ReceiveMessage",
                Receive(
                    queueUrl: try await queueURL(), maxNumberOfMessages: maximum,
                    visibilityTimeout: Self.seconds(visibility), waitTimeSeconds: Self.seconds(wait),
                    messageSystemAttributeNames: ["ApproximateReceiveCount"]), Received.self, wait: wait)
            return (answer.messages ?? []).map { message in
                ReceivedMessage(
                    receipt: Receipt(handle: message.receiptHandle), job: JobMessageCodec.decode(message.body),
                    receiveCount: message.attributes?["ApproximateReceiveCount"].flatMap { Int($0) } ?? 1)
            }
        } catch {
            if Task.isCancelled { return [] }
            throw error
        }
    }

    package func extend(_ receipt: Receipt, visibility: Duration) async throws(JobQueueError) {
        _ = try await call(
            "ChangeMessageVisibility",
            Change(
                queueUrl: try await queueURL(), receiptHandle: receipt.handle,
                visibilityTimeout: Self.seconds(visibility)), Nothing.self)
    }

    package func delete(_ receipt: Receipt) async throws(JobQueueError) {
        _ = try await call(
            "DeleteMessage", Delete(queueUrl: try await queueURL(), receiptHandle: receipt.handle), Nothing.self)
    }

    package func depth() async throws(JobQueueError) -> QueueDepth {
        let names = [
            "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        let answer = try await call(
            "GetQueueAttributes", GetAttributes(queueUrl: try await queueURL(), attributeNames: names),
            Attributes.self)
        let counts = names.map { name in answer.attributes?[name].flatMap { Int($0) } ?? 0 }
        return QueueDepth(visible: counts[0], inFlight: counts[1], delayed: counts[2])
    }

    // MARK: - The queue's address

    private func queueURL() async throws(JobQueueError) -> String {
        if let known = url.withLock({ $0 }) { return known }
        let found = try await sqs.call("GetQueueUrl", GetURL(queueName: name), URLAnswer.self).queueUrl
        url.withLock { $0 = found }
        return found
    }

    private func call<Input: Encodable, Output: Decodable>(
        _ action: String, _ input: Input, _ output: Output.Type, wait: Duration = .zero
    ) async throws(JobQueueError) -> Output {
        do throws(JobQueueError) {
            return try await sqs.call(action, input, output, wait: wait)
        } catch {
            // The service was restarted empty, or the queue made anew: its address may be another.
            if case .unavailable(let reason) = error, SQSClient.saysNoQueue(reason) { url.withLock { $0 = nil } }
            throw error
        }
    }

    private static func seconds(_ duration: Duration) -> Int { Int(duration.inSeconds.rounded(.up)) }
}

// Members are named as the API Reference names them, but for their first letter: see `SQSClient`.

private struct Nothing: Decodable {}
private struct GetURL: Encodable { let queueName: String }
private struct URLAnswer: Decodable { let queueUrl: String }

private struct SendBatch: Encodable {
    struct Attribute: Encodable {
        let dataType: String
        let stringValue: String
    }
    struct Entry: Encodable {
        let id: String
        let messageBody: String
        let delaySeconds: Int
        let messageAttributes: [String: Attribute]?
    }
    let queueUrl: String
    let entries: [Entry]
}

private struct BatchAnswer: Decodable {
    struct Failed: Decodable {
        let code: String?
        let message: String?
    }
    let failed: [Failed]?
}

private struct Receive: Encodable {
    let queueUrl: String
    let maxNumberOfMessages: Int
    let visibilityTimeout: Int
    let waitTimeSeconds: Int
    let messageSystemAttributeNames: [String]
}

private struct Received: Decodable {
    struct Message: Decodable {
        let receiptHandle: String
        let body: String
        let attributes: [String: String]?
    }
    let messages: [Message]?
}

private struct Change: Encodable {
    let queueUrl: String
    let receiptHandle: String
    let visibilityTimeout: Int
}

private struct Delete: Encodable {
    let queueUrl: String
    let receiptHandle: String
}

private struct GetAttributes: Encodable {
    let queueUrl: String
    let attributeNames: [String]
}

private struct Attributes: Decodable { let attributes: [String: String]? }
