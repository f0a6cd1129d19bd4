import Hummingbird
import NIOCore

/// What belongs to one request.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Set by EdgeMiddleware.
    package var requestID = ""
    /// The other end of the connection.
    private let remoteAddress: SocketAddress?

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
    }

    /// At the other end of the connection.
    var peer: NetworkAddress? { remoteAddress?.ipAddress.flatMap { NetworkAddress($0) } }

    package var maxUploadSize: Int { 65536 }
}
