/// Bounds of an `HTTPClient`.
package struct HTTPClientConfiguration: Sendable {
    /// From the start of name resolution to the end of the TLS handshake.
    package var connectTimeout: Duration = .seconds(5)
    /// Connections to one host and port. Requests beyond wait in order, their deadlines running; a paused download
    /// and a long poll hold one each.
    package var maxConnectionsPerHost = 64
    /// Idle and busy connections that are kept in all.
    package var maxCachedConnections = 128
    /// Requests in flight or waiting for a connection; beyond, `HTTPClientError.unreachable`.
    package var maxTransfers = 1024
    /// How much of a streamed response is kept for a slow consumer before its connection is paused.
    package var downloadBufferBytes = 512 * 1024
    /// libcurl's receive buffer of one transfer: it is held back on top of `downloadBufferBytes` while paused.
    package var receiveBufferBytes = 256 * 1024
    /// libcurl's buffer for the body of one request, made when there is one.
    package var sendBufferBytes = 256 * 1024
    /// Status line and fields of one response.
    package var maxHeadBytes = 64 * 1024
    /// A request's body or a streamed answer that moves fewer bytes than this over `rateWindow` ends with
    /// `deadlineExceeded(.leastRate)`. The wait for the response's head does not count, nor does a window in which the
    /// caller's own producer or consumer made the transfer wait. An answer that is kept whole has its deadline: S3 sends
    /// blanks while it joins the parts of an upload. 0: no least rate.
    package var minimumBytesPerSecond = 1024
    package var rateWindow: Duration = .seconds(20)
    /// Sent when the request has no `User-Agent` of its own; nil: none.
    package var userAgent: String? = "anb"
    /// Whether `https_proxy` and its like in the environment are obeyed.
    package var usesEnvironmentProxy = false
    /// PEM file with the authorities that are trusted in place of the system's.
    package var certificateAuthorityFile: String?

    package init() {}
}
