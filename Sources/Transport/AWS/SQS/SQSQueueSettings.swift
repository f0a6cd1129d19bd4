import Actors
import FoundationEssentials

/// What an operator sets on a queue (SQS API Reference, SetQueueAttributes).
package struct SQSQueueSettings: Sendable {
    private let sqs: SQSClient
    package let name: String

    package init(client: AWSClient, name: String, deadline: Duration) {
        sqs = SQSClient(client: client, deadline: deadline)
        self.name = name
    }

    /// Nil when there is no such queue.
    package func attributes() async throws(JobQueueError) -> [String: String]? {
        guard let url = try await url() else { return nil }
        let answer = try await sqs.call(
            "GetQueueAttributes", GetAttributes(queueUrl: url, attributeNames: ["All"]), Attributes.self)
        return answer.attributes ?? [:]
    }

    package func create(_ attributes: [String: String]) async throws(JobQueueError) {
        _ = try await sqs.call("CreateQueue", Create(queueName: name, attributes: attributes), Queue.self)
    }

    package func set(_ attributes: [String: String]) async throws(JobQueueError) {
        guard let url = try await url() else { throw .rejected("SetQueueAttributes: there is no queue \(name)") }
        _ = try await sqs.call("SetQueueAttributes", Set(queueUrl: url, attributes: attributes), Nothing.self)
    }

    private func url() async throws(JobQueueError) -> String? {
        do {
            return try await sqs.call("GetQueueUrl", GetURL(queueName: name), Queue.self).queueUrl
        } catch .unavailable(let reason) where SQSClient.saysNoQueue(reason) {
            return nil
        }
    }

    private struct GetURL: Encodable { let queueName: String }
    private struct Queue: Decodable { let queueUrl: String? }
    private struct GetAttributes: Encodable {
        let queueUrl: String
        let attributeNames: [String]
    }
    private struct Attributes: Decodable { let attributes: [String: String]? }
    private struct Create: Encodable {
        let queueName: String
        let attributes: [String: String]
    }
    private struct Set: Encodable {
        let queueUrl: String
        let attributes: [String: String]
    }
    private struct Nothing: Decodable {}
}
