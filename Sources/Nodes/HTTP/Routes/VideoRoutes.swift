import Actors
import HTTPTypes
import Hummingbird

/// Rows 4 to 8 of the contract: a player's own videos.
struct VideoRoutes: Sendable {
    /// What a multipart envelope may add to the file.
    private static let envelopeBytes: Int64 = 1 << 20

    let services: APIServices

    @Sendable func upload(_ request: Request, _ context: APIContext) async throws -> Response {
        let owner = try await services.callers.caller(of: request)
        let boundary: MultipartBoundary
        do {
            boundary = try MultipartBoundary(contentType: request.headers[.contentType] ?? "")
        } catch {
            throw APIError(
                .unprocessableContent,
                fields: ["video_file", "title"].map { name in
                    FieldProblem(
                        type: "missing", location: ["body", name], message: "El campo es obligatorio (Field required)")
                })
        }
        let maximumBytes = services.node.contest.maximumFileBytes
        if let length = request.headers[.contentLength].flatMap(Int64.init),
            length > maximumBytes + Self.envelopeBytes
        {
            throw APIError(.badRequest, FailureReason.tooLarge(maximumBytes: maximumBytes).text)
        }
        let source = MultipartUploadSource(body: request.body, boundary: boundary)
        let key = try IdempotencyKey(request, of: owner, route: .upload)
        do {
            guard let key else {
                let accepted = try await services.node.uploads.receive(
                    source, from: owner, requestID: context.requestID)
                return Self.created(accepted).response
            }
            let text = try await services.node.uploads.receive(source, requestID: context.requestID, under: key) {
                switch $0 {
                case .success(let accepted): Self.created(accepted).text
                case .failure(let error): RememberedResponse(Self.apiError(error))?.text
                }
            }
            return try RememberedResponse(text: text).response
        } catch let error as UploadError {
            throw Self.apiError(error)
        }
    }

    private static func created(_ accepted: UploadCoordinator.Accepted) -> RememberedResponse {
        RememberedResponse(
            status: .created,
            .object([
                "message": .text("Video subido correctamente. Procesamiento en curso."),
                "task_id": .text(accepted.id.description), "video_id": .text(accepted.id.description),
                "estimated_wait_seconds": .number(accepted.expectedWait.inSeconds),
            ]),
            headers: [.location: "/api/videos/\(accepted.id)"])
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let owner = try await services.callers.caller(of: request)
        let json = services.videoJSON(request, context)
        var items: [JSONValue] = []
        for video in try await services.node.videos.videos(of: owner) {
            items.append(.object(try await json.members(of: video)))
        }
        return .json(.ok, .array(items))
    }

    @Sendable func detail(_ request: Request, _ context: APIContext) async throws -> Response {
        let video = try await ownVideo(request, context)
        let json = services.videoJSON(request, context)
        var members = try await json.members(of: video)
        members["original_url"] = .text(try await json.originalURL(video))
        return .json(.ok, .object(members))
    }

    @Sendable func delete(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try await services.callers.caller(of: request)
        let id = try Self.videoID(context)
        switch try await services.node.uploads.delete(id, by: caller, requestID: context.requestID) {
        case .deleted: break
        case .processed:
            throw APIError(
                .badRequest,
                "El video ya fue procesado y está abierto a votación: no se puede eliminar "
                    + "(The video is processed and open to votes: it cannot be deleted)")
        case .notOwner: throw APIError.notOwner
        case .unknown: throw APIError.videoNotFound
        }
        return .json(
            .ok,
            .object([
                "message": .text("El video ha sido eliminado exitosamente."), "video_id": .text(id.description),
            ]))
    }

    @Sendable func original(_ request: Request, _ context: APIContext) async throws -> Response {
        let video = try await ownVideo(request, context)
        return Self.redirect(to: try await services.videoJSON(request, context).originalURL(video))
    }

    @Sendable func processed(_ request: Request, _ context: APIContext) async throws -> Response {
        let video = try await ownVideo(request, context)
        guard video.state == .processed else {
            throw APIError(
                .badRequest, "El video aún no ha sido procesado (The video has not been processed yet)")
        }
        return Self.redirect(to: try await services.videoJSON(request, context).processedURL(video))
    }

    /// - Throws: 401, 422 for a malformed id, 404, 403, in this order.
    private func ownVideo(_ request: Request, _ context: APIContext) async throws -> Video {
        let caller = try await services.callers.caller(of: request)
        let id = try Self.videoID(context)
        guard let video = try await services.node.videos.video(id) else { throw APIError.videoNotFound }
        guard video.owner == caller else { throw APIError.notOwner }
        return video
    }

    private static func videoID(_ context: APIContext) throws -> VideoID {
        guard let id = context.parameters.get("id").flatMap({ VideoID($0) }) else {
            throw APIError(
                .unprocessableContent,
                fields: [
                    FieldProblem(
                        type: "uuid_parsing", location: ["path", "video_id"],
                        message: "El identificador no es un UUID válido (Input should be a valid UUID)")
                ])
        }
        return id
    }

    private static func redirect(to url: String) -> Response {
        Response(status: .found, headers: [.location: url])
    }

    private static func apiError(_ error: UploadError) -> APIError {
        switch error {
        case .full: .unavailable(retryAfterSeconds: 10)
        case .behind(let wait): .unavailable(retryAfterSeconds: Int(wait.inSeconds.rounded(.up)))
        case .malformed(let problems): APIError(.unprocessableContent, fields: problems)
        case .refused(let reason): APIError(.badRequest, reason.text)
        case .titleRefused(.blank):
            APIError(.badRequest, "El título del video no puede estar vacío (The video title must not be blank)")
        case .titleRefused(.tooLong):
            APIError(
                .badRequest,
                "El título admite \(VideoTitle.maximumLength) caracteres (The title has at most \(VideoTitle.maximumLength) characters)"
            )
        case .tooManyVideos(let maximum):
            APIError(.badRequest, "Ya tienes \(maximum) videos, el máximo (You already have \(maximum) videos)")
        case .unknownOwner: .unauthorized
        case .inProgress: .inProgress
        case .keyReused: .keyReused
        case .tooManyKeys: .tooManyKeys
        case .interrupted: APIError(.badRequest, "La subida se interrumpió (The upload was interrupted)")
        case .unavailable: .unavailable(retryAfterSeconds: 5)
        }
    }
}
