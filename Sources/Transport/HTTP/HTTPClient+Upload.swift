extension HTTPClient {
    /// Sends a request whose body is produced meanwhile, and returns its whole response.
    ///
    /// The producer is pulled: at most one chunk waits for the network. It runs as a child of the calling task and is
    /// cancelled as soon as the server has answered with an error, be it in the middle of the body (a success ends it
    /// only when the whole body is sent); a producer that ignores its cancellation delays the return. An error of the producer is
    /// thrown as it is; everything else is an `HTTPClientError`.
    ///
    /// - Parameters:
    ///   - lengthBytes: the sum of all chunks; any other sum is `invalidRequest`.
    ///   - progress: called after each chunk with the bytes handed over so far.
    package func upload<Body: AsyncSequence & Sendable>(
        _ request: HTTPClientRequest, lengthBytes: Int64, body: Body, deadline: Duration, maxBodyBytes: Int,
        progress: (@Sendable (Int64) -> Void)? = nil
    ) async throws -> HTTPClientResponse where Body.Element == [UInt8] {
        guard case .none = request.body else {
            throw HTTPClientError.invalidRequest("an upload's body is its argument")
        }
        let transfer = try begin(
            request, streamedBytes: lengthBytes, sink: .collect(maxBytes: maxBodyBytes),
            limits: Transfer.Limits(total: .now + deadline)
        )
        return try await withThrowingTaskGroup(of: (any Error)?.self) { group in
            group.addTask { await transfer.pump(body, progress: progress) }
            do throws(HTTPClientError) {
                let response = try await transfer.response()
                group.cancelAll()
                return response
            } catch {
                group.cancelAll()
                let producerError = try await group.next() ?? nil
                if case .interrupted = error, let producerError, !(producerError is CancellationError) {
                    throw producerError
                }
                throw error
            }
        }
    }
}
