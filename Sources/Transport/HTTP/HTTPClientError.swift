import CLibCurl

/// Why there is no response, sorted by what the caller can do. The texts are for logs. A response of any status is
/// not an error here.
package enum HTTPClientError: Error, Equatable {
    /// Which limit of time ran out.
    package enum Limit: Sendable {
        /// The deadline of the whole request, or of the response's head.
        case total
        /// Fewer bytes than `HTTPClientConfiguration.minimumBytesPerSecond` over a whole window.
        case leastRate
    }

    /// The request was never sent: no name, no connection, no TLS session, or the client is stopped or full. It may
    /// be sent again, whatever its method.
    case unreachable(String)
    /// It may have had an effect before the connection broke: send again only what may happen twice.
    case interrupted(String)
    /// It took too long; it may have had an effect.
    case deadlineExceeded(Limit)
    /// The task was cancelled or the client was shut down; it may have had an effect.
    case cancelled
    /// The server answered with more bytes than the caller allows; the request had its effect.
    case bodyTooLarge(limitBytes: Int)
    /// No server can accept it: a defect of the caller.
    case invalidRequest(String)
}

extension HTTPClientError {
    /// Sorts libcurl's result: without one byte of the request on the wire it is unreachable.
    init(code: CURLcode, sentBytes: Int, text: String) {
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_FUNCTION_ARGUMENT:
            self = .invalidRequest(text)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR,
            CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
            self = .unreachable(text)
        default:
            self = sentBytes == 0 ? .unreachable(text) : .interrupted(text)
        }
    }
}
