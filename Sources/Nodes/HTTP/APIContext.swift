import Hummingbird
import NIOCore

/// What belongs to one request.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Set by EdgeMiddleware.
    package var requestID = ""
    /// At the other end of the connection.
    let peer: NetworkAddress?
    /// The client's network, as far as trusted proxies tell. Set by EdgeMiddleware.
    package var client = ""
    /// Of the request as the client made it. Set by EdgeMiddleware.
    package var scheme = "http"

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress?.ipAddress.flatMap { NetworkAddress($0) }
    }

    package var maxUploadSize: Int { 65536 }
}
