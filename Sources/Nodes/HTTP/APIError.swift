import Actors
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// An answer that is not a success: `{"detail": …, "message": "…"}`.
package struct APIError: Error, Sendable {
    package enum Detail: Sendable, Equatable {
        case text(String)
        /// Every wrong field at once.
        case fields([FieldProblem])
    }

    package let status: HTTPResponse.Status
    package let detail: Detail
    package var headers: HTTPFields = [:]

    package init(_ status: HTTPResponse.Status, _ text: String, headers: HTTPFields = [:]) {
        self.status = status
        self.detail = .text(text)
        self.headers = headers
    }

    package init(_ status: HTTPResponse.Status, fields: [FieldProblem]) {
        self.status = status
        self.detail = .fields(fields)
    }

    /// One readable sentence.
    package var message: String {
        switch detail {
        case .text(let text): text
        case .fields(let problems):
            problems.map { problem in
                "\(problem.location.dropFirst().joined(separator: ".")): \(problem.message)"
            }.joined(separator: "; ")
        }
    }

    func response(requestID: String) -> Response {
        .json(status, members(requestID: requestID), headers: headers)
    }

    func members(requestID: String) -> JSONValue {
        var members: [String: JSONValue] = ["message": .text(message)]
        switch detail {
        case .text(let text): members["detail"] = .text(text)
        case .fields(let problems):
            members["detail"] = .array(
                problems.map { problem in
                    .object([
                        "type": .text(problem.type), "loc": .array(problem.location.map(JSONValue.text)),
                        "msg": .text(problem.message),
                    ])
                })
        }
        if status.code >= 500 { members["request_id"] = .text(requestID) }
        return .object(members)
    }
}

extension APIError {
    package static let unauthorized = APIError(
        .unauthorized, "No se pudieron validar las credenciales (Could not validate credentials)",
        headers: [.wwwAuthenticate: "Bearer"])
    package static let wrongCredentials = APIError(
        .unauthorized, "Credenciales inválidas (Invalid credentials)", headers: [.wwwAuthenticate: "Bearer"])
    package static let notFound = APIError(.notFound, "No encontrado (Not Found)")
    package static let videoNotFound = APIError(.notFound, "Video no encontrado (Video not found)")
    package static let notOwner = APIError(
        .forbidden, "No tienes permiso sobre este video (You do not own this video)")
    package static let invalidQuery = APIError(.badRequest, "Parámetro inválido en la consulta.")
    package static let internalError = APIError(
        .internalServerError, "Error interno del servidor (Internal server error)")

    package static let inProgress = APIError(
        .conflict,
        "Otra petición con esta Idempotency-Key aún está en curso (A request with this Idempotency-Key is still in progress)",
        headers: [.retryAfter: "2"])
    package static let keyReused = APIError(
        .unprocessableContent,
        "Esta Idempotency-Key ya se usó con otro contenido (This Idempotency-Key was used with another payload)")

    package static let tooManyKeys = APIError(
        .tooManyRequests,
        "Demasiadas Idempotency-Keys en 24 horas (Too many Idempotency-Keys within 24 hours)",
        headers: [.retryAfter: "3600"])

    package static func throttled(retryAfter: Duration) -> APIError {
        APIError(
            .tooManyRequests, "Demasiados intentos; espera un momento (Too many attempts, please wait)",
            headers: [.retryAfter: String(Int(retryAfter.inSeconds.rounded(.up)))])
    }

    package static func methodNotAllowed(allow: String) -> APIError {
        APIError(.methodNotAllowed, "Método no permitido (Method not allowed)", headers: [.allow: allow])
    }

    /// The node is full or something it needs is away.
    package static func unavailable(retryAfterSeconds: Int) -> APIError {
        APIError(
            .serviceUnavailable,
            "Servicio no disponible por el momento; vuelve a intentarlo (Service unavailable, please retry)",
            headers: [.retryAfter: String(retryAfterSeconds)])
    }
}

extension JSONValue {
    /// Keys in a fixed order, UTF-8.
    var encoded: Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("finite JSON always encodes") }
        return data
    }
}

extension Response {
    /// Keys in a fixed order, UTF-8.
    static func json(_ status: HTTPResponse.Status, _ value: JSONValue, headers: HTTPFields = [:]) -> Response {
        .json(status, bytes: value.encoded, headers: headers)
    }

    /// Ready-made JSON text.
    static func json(_ status: HTTPResponse.Status, bytes: some Sequence<UInt8>, headers: HTTPFields = [:]) -> Response
    {
        var headers = headers
        headers[.contentType] = "application/json; charset=utf-8"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
