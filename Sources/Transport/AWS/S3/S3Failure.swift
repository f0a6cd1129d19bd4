import Actors

/// What S3's refusals mean to the caller (S3 API Reference, "Error responses").
enum S3Failure {
    /// Passes by itself: overload, an internal error, a connection that was lost or slow, bytes damaged on the way.
    private static let passingCodes: Set<String> = [
        "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted", "BadDigest",
        "XAmzContentSHA256Mismatch", "Throttling", "ThrottlingException", "TooManyRequestsException", "ExpiredToken",
        "ConditionalRequestConflict",
        // A completed upload whose answer was lost, or one that was aborted: it begins anew.
        "NoSuchUpload",
    ]

    static func error(_ answer: HTTPClientResponse, _ action: String, _ key: ObjectKey?) -> ObjectStoreError {
        let document = XMLElement(parsing: answer.body)
        let code = document?["Code"]?.text ?? ""
        let text = "\(action): \(answer.status) \(code) \(document?["Message"]?.text ?? "")"
        if answer.status == 404, let key, code != "NoSuchBucket", code != "NoSuchUpload" { return .notFound(key) }
        // A server that does not know an operation will not learn it.
        if answer.status == 501 { return .rejected(text) }
        if answer.status >= 500 || answer.status == 429 || answer.status == 408 || passingCodes.contains(code) {
            return .unavailable(text)
        }
        return .rejected(text)
    }

    static func error(_ error: AWSError, _ action: String) -> ObjectStoreError {
        switch error {
        case .transport(.invalidRequest(let reason)): .rejected("\(action): \(reason)")
        case .transport(.bodyTooLarge(let limit)): .rejected("\(action): an answer of more than \(limit) bytes")
        case .transport(let error): .unavailable("\(action): \(error)")
        case .credentials(let error): .unavailable("\(action): no credentials: \(error)")
        }
    }
}
