/// A response whose body is still on its way. The transfer ends when the body has been read, when its reader is
/// cancelled, or when the last reference to this value and its body is gone.
package struct HTTPDownload: Sendable {
    package let head: HTTPClientResponseHead
    package let body: Body

    /// The body, pulled: what the consumer does not take stays in the network beyond
    /// `HTTPClientConfiguration.downloadBufferBytes`. One consumer, once.
    package struct Body: AsyncSequence, Sendable {
        package struct Iterator: AsyncIteratorProtocol {
            fileprivate let lease: Lease

            /// All bytes that have come since the last call, never empty.
            package mutating func next() async throws(HTTPClientError) -> [UInt8]? {
                try await lease.transfer.nextChunk()
            }

            package mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(HTTPClientError) -> [UInt8]? {
                try await lease.transfer.nextChunk()
            }
        }

        fileprivate let lease: Lease

        package func makeAsyncIterator() -> Iterator {
            Iterator(lease: lease)
        }
    }

    /// Its end gives the transfer up; the loop frees it.
    fileprivate final class Lease: Sendable {
        let transfer: Transfer

        init(_ transfer: Transfer) {
            self.transfer = transfer
        }

        deinit {
            transfer.abandon(.cancelled)
        }
    }

    fileprivate init(head: HTTPClientResponseHead, lease: Lease) {
        self.head = head
        body = Body(lease: lease)
    }
}

extension HTTPClient {
    /// Sends a request and returns as soon as the response's head is there.
    ///
    /// - Parameters:
    ///   - headDeadline: from now to the end of the head.
    ///   - deadline: from now to the last byte; nil leaves the body to the least rate alone.
    package func download(
        _ request: HTTPClientRequest, headDeadline: Duration, deadline: Duration? = nil
    ) async throws(HTTPClientError) -> HTTPDownload {
        let now = ContinuousClock.now
        let limits = Transfer.Limits(total: deadline.map { now + $0 }, head: now + headDeadline)
        let sink = TransferState.Sink.stream(maxBufferedBytes: loop.configuration.downloadBufferBytes)
        let transfer = try begin(request, sink: sink, limits: limits)
        let lease = HTTPDownload.Lease(transfer)
        return HTTPDownload(head: try await transfer.head(), lease: lease)
    }
}
