import Logging

/// An HTTP/1.1 client over libcurl. One thread of its own drives every transfer; callers wait without a thread.
///
/// `start()` before the first request, `shutdown()` after the last: the thread lives until then. Redirects are not followed, answers of any status
/// are returned, nothing is retried except by libcurl itself: an idempotent request whose reused connection turns out
/// to be closed. Cancelling the calling task ends its transfer at once. Deadlines include the wait for a connection.
package final class HTTPClient: Sendable {
    let loop: CurlLoop

    /// Has no side effect.
    package init(configuration: HTTPClientConfiguration = HTTPClientConfiguration(), logger: Logger) {
        loop = CurlLoop(configuration: configuration, logger: logger)
    }

    /// Starts the thread. A client that was shut down cannot be started again: its requests are `unreachable`.
    package func start() throws(HTTPClientError) {
        try loop.start()
    }

    /// Fails what is in flight with `cancelled` and returns when the thread has let go of it.
    package func shutdown() async {
        await loop.shutdown()
    }

    /// Sends a request and returns its whole response.
    ///
    /// - Parameters:
    ///   - deadline: from now to the last byte of the response.
    ///   - maxBodyBytes: larger responses are `bodyTooLarge`.
    package func send(
        _ request: HTTPClientRequest, deadline: Duration, maxBodyBytes: Int
    ) async throws(HTTPClientError) -> HTTPClientResponse {
        let limits = Transfer.Limits(total: .now + deadline)
        let transfer = try begin(request, sink: .collect(maxBytes: maxBodyBytes), limits: limits)
        return try await transfer.response()
    }

    func begin(
        _ request: HTTPClientRequest, streamedBytes: Int64? = nil, sink: TransferState.Sink, limits: Transfer.Limits
    ) throws(HTTPClientError) -> Transfer {
        if Task.isCancelled { throw .cancelled }
        let bodyBytes: Int64? =
            switch request.body {
            case .none: streamedBytes
            case .bytes(let bytes): Int64(bytes.count)
            case .file(_, let offsetBytes, let sizeBytes): offsetBytes < 0 ? -1 : sizeBytes
            }
        if let bodyBytes, bodyBytes < 0 { throw .invalidRequest("the body's length is negative") }
        try request.validate(bodyBytes: bodyBytes)
        return try loop.add { id in
            Transfer(
                id: id, request: request, streamedBytes: streamedBytes, sink: sink, limits: limits, loop: loop
            )
        }
    }
}
