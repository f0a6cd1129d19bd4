import Actors
import FoundationEssentials

/// Calls of SQS by its JSON protocol (SQS Developer Guide, "Make requests using the AWS JSON protocol").
struct SQSClient: Sendable {
    /// Ten messages of at most 256 KiB, and their envelopes.
    private static let maximumAnswerBytes = 4 << 20

    let client: AWSClient
    /// Of every call but a long poll, which has its wait on top.
    let deadline: Duration

    /// - Throws: `.staleReceipt` for a receipt that is not the last one, `.unavailable` for what may pass.
    func call<Input: Encodable, Output: Decodable>(
        _ action: String, _ input: Input, _ output: Output.Type = Output.self, wait: Duration = .zero
    ) async throws(JobQueueError) -> Output {
        guard let data = try? Self.encoder.encode(input) else { throw .rejected("\(action): it cannot be encoded") }
        let body = Array(data)
        let request = AWSRequest(
            method: "POST", scheme: client.endpoint.scheme, authority: client.endpoint.authority,
            headers: ["Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.\(action)"],
            payload: .hash(SignatureV4.sha256(body)))
        let answer: HTTPClientResponse
        do throws(AWSError) {
            answer = try await client.send(
                request, action: "sqs:\(Self.permission(action))", body: .bytes(body), deadline: deadline + wait,
                maxBodyBytes: Self.maximumAnswerBytes)
        } catch {
            throw .unavailable("\(action): \(error)")
        }
        guard answer.status == 200 else { throw Self.error(answer, action) }
        do {
            return try Self.decoder.decode(
                Output.self, from: Data(answer.body.isEmpty ? Array("{}".utf8) : answer.body))
        } catch {
            throw .unavailable("\(action): an answer that cannot be read: \(error)")
        }
    }

    /// A batch needs the permission of its single call (SQS Developer Guide, "Amazon SQS API permissions").
    private static func permission(_ action: String) -> String {
        action.hasSuffix("Batch") ? String(action.dropLast(5)) : action
    }

    private struct Failure: Decodable {
        let type: String?
        let message: String?
    }

    /// The API's members begin with a capital letter, ours do not; an error's `__type` is its `type`.
    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .custom { path in
            let name = path.last?.stringValue ?? ""
            return Key(name.prefix(1).uppercased() + name.dropFirst())
        }
        return encoder
    }()

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { path in
            let name = path.last?.stringValue ?? ""
            return Key(name == "__type" ? "type" : name.prefix(1).lowercased() + name.dropFirst())
        }
        return decoder
    }()

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// The message is gone, or was received again since (SQS API Reference, ChangeMessageVisibility and DeleteMessage).
    private static let staleCodes: Set<String> = ["ReceiptHandleIsInvalid", "MessageNotInflight"]
    /// Repeating does not help; a queue that does not exist may be made at any time.
    private static let finalCodes: Set<String> = [
        "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch",
        "InvalidSecurity", "UnsupportedOperation", "InvalidMessageContents", "InvalidAttributeName",
        "BatchRequestTooLong", "TooManyEntriesInBatchRequest",
    ]

    /// `QueueDoesNotExist`, or `AWS.SimpleQueueService.NonExistentQueue` of the older protocol.
    static func saysNoQueue(_ reason: String) -> Bool {
        reason.contains("QueueDoesNotExist") || reason.contains("NonExistentQueue")
    }

    private static func error(_ answer: HTTPClientResponse, _ action: String) -> JobQueueError {
        let failure = try? Self.decoder.decode(Failure.self, from: Data(answer.body))
        let code = String(failure?.type?.split(separator: "#").last ?? "")
        if staleCodes.contains(code) { return .staleReceipt }
        let text = "\(action): \(answer.status) \(code) \(failure?.message ?? "")"
        return finalCodes.contains(code) ? .rejected(text) : .unavailable(text)
    }
}
