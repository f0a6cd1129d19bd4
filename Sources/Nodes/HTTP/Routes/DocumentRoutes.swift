import Crypto
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// Row 13 of the contract: the document, and a page that reads it. Both are made once.
struct DocumentRoutes: Sendable {
    private let document: ByteBuffer
    private let page: ByteBuffer
    private let pageHeaders: HTTPFields
    private let documentTag: String

    /// - Parameter document: bytes of the OpenAPI document.
    init(document: [UInt8]) {
        self.document = ByteBuffer(bytes: document)
        documentTag = "\"\(Self.hash(document).prefix(32).filter { $0 != "/" && $0 != "+" })\""
        page = ByteBuffer(string: DocumentPage.html)
        var headers: HTTPFields = [.contentType: "text/html; charset=utf-8", .cacheControl: "public, max-age=3600"]
        // Nothing but the page's own two blocks, and the document.
        headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src '\(Self.source(DocumentPage.style))'; "
            + "script-src '\(Self.source(DocumentPage.script))'; connect-src 'self'; base-uri 'none'; "
            + "form-action 'none'; frame-ancestors 'none'"
        pageHeaders = headers
    }

    @Sendable func openAPI(_ request: Request, _ context: APIContext) async throws -> Response {
        var headers: HTTPFields = [.eTag: documentTag, .cacheControl: "public, max-age=300"]
        if let known = request.headers[.ifNoneMatch], EntityTag.matches(known, documentTag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/json; charset=utf-8"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: document))
    }

    @Sendable func docs(_ request: Request, _ context: APIContext) async throws -> Response {
        Response(status: .ok, headers: pageHeaders, body: ResponseBody(byteBuffer: page))
    }

    /// Of an inline block, as Content-Security-Policy names it.
    private static func source(_ text: String) -> String { "sha256-\(hash(Array(text.utf8)))" }

    private static func hash(_ bytes: [UInt8]) -> String { Data(SHA256.hash(data: bytes)).base64EncodedString() }

    static let openAPIOperation = Operation(
        id: "openAPI", group: .status, summary: "Este documento (This document)",
        responses: [
            .init(status: 200, description: "OpenAPI 3.1.", content: .json(["type": "object"]), headers: ["ETag"]),
            .init(status: 304, description: "Known already.", content: .none),
        ])

    static let docsOperation = Operation(
        id: "docs", group: .status, summary: "Una página para leerlo (A page to read it)",
        responses: [.init(status: 200, description: "The page.", content: .html)])
}
