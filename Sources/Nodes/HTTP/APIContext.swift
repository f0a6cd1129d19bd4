import Hummingbird
import NIOCore

/// What belongs to one request.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Set by EdgeMiddleware.
    package var requestID = ""

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
    }

    package var maxUploadSize: Int { 65536 }
}
