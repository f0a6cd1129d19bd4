import Actors
import FoundationEssentials
import Glibc
import HTTPTypes
import Hummingbird
import Transport

/// Serves the local store's signed URLs, with ranges and validators (RFC 9110, 13 and 14).
package struct MediaRoute: Sendable {
    let store: FileObjectStore
    let signer: MediaURLSigner
    let wallClock: any WallClock
    private let files = FileIO()

    package init(store: FileObjectStore, signer: MediaURLSigner, wallClock: any WallClock) {
        self.store = store
        self.signer = signer
        self.wallClock = wallClock
    }

    @Sendable func serve(_ request: Request, _ context: APIContext) async throws -> Response {
        let query = request.uri.queryParameters
        guard let prefix = context.parameters.get("prefix"), let name = context.parameters.get("name"),
            let expires = query["expires"].flatMap({ Int64($0) }), let type = query["type"],
            let signature = query["signature"]
        else { throw Self.refused }
        let grant = MediaURLSigner.Grant(
            key: ObjectKey("\(prefix)/\(name)"), contentType: String(type),
            downloadName: query["name"].map { String($0) }, expires: expires)
        guard signer.isValid(grant, signature: String(signature), at: wallClock.now) else { throw Self.refused }
        var status = stat()
        guard let path = store.path(of: grant.key), stat(path, &status) == 0 else { throw APIError.notFound }
        return try await respond(request, context, grant, path: path, status: status)
    }

    private func respond(
        _ request: Request, _ context: APIContext, _ grant: MediaURLSigner.Grant, path: String, status: stat
    ) async throws -> Response {
        let size = Int64(status.st_size)
        // Objects are replaced whole by a rename: inode, size and time tell one from another.
        let etag = "\"\(status.st_ino)-\(size)-\(status.st_mtim.tv_sec)-\(status.st_mtim.tv_nsec)\""
        var headers: HTTPFields = [
            .contentType: grant.contentType, .acceptRanges: "bytes", .eTag: etag,
            .cacheControl: "private, max-age=3600",
        ]
        if let name = grant.downloadName { headers[.contentDisposition] = "attachment; filename=\"\(name)\"" }
        if let known = request.headers[.ifNoneMatch], EntityTag.matches(known, etag) {
            return Response(status: .notModified, headers: headers)
        }
        // Only GET has ranges (RFC 9110, 14.2).
        let decision = RangeDecision(
            range: request.method == .get ? request.headers[.range] : nil, ifRange: request.headers[.ifRange],
            etag: etag, sizeBytes: size)
        switch decision {
        case .whole:
            guard size > 0 else { return Response(status: .ok, headers: headers) }
            let body = try await files.loadFile(path: path, range: 0...Int(size - 1), context: context)
            return Response(status: .ok, headers: headers, body: body)
        case .partial(let range):
            headers[.contentRange] = range.contentRange
            let body = try await files.loadFile(
                path: path, range: Int(range.bytes.lowerBound)...Int(range.bytes.upperBound - 1), context: context)
            return Response(status: .partialContent, headers: headers, body: body)
        case .unsatisfiable(let sizeBytes):
            throw APIError(
                .rangeNotSatisfiable, "Rango no disponible (Range not satisfiable)",
                headers: [.contentRange: ByteRange.unsatisfiedContentRange(sizeBytes: sizeBytes)])
        }
    }

    private static let refused = APIError(
        .forbidden, "El enlace no es válido o ya caducó (The link is invalid or has expired)")
}
