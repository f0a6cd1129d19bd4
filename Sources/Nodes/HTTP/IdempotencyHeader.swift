import Actors
import FoundationEssentials
import HTTPTypes
import Hummingbird

extension IdempotencyKey {
    private static let field = EdgeMiddleware.name("Idempotency-Key")

    /// Nil without one.
    /// - Throws: 400 for one that is no key.
    init?(_ request: Request, of user: UserID, route: Route) throws {
        let values = request.headers[values: Self.field]
        guard let text = values.first else { return nil }
        guard values.count == 1, let key = IdempotencyKey(text, of: user, route: route) else {
            throw APIError(
                .badRequest,
                "Idempotency-Key: de 1 a \(Self.maximumLength) caracteres ASCII visibles (1 to \(Self.maximumLength) visible ASCII characters)"
            )
        }
        self = key
    }
}

/// A response as it is remembered under an idempotency key: what the first request got, byte for byte.
struct RememberedResponse: Codable {
    let status: Int
    let headers: [String: String]
    let body: String

    /// Nil for one that says nothing for good.
    init?(_ error: APIError) {
        guard error.status == .badRequest else { return nil }
        self.init(status: error.status, error.members(requestID: ""), headers: error.headers)
    }

    init(status: HTTPResponse.Status, _ value: JSONValue, headers: HTTPFields) {
        self.status = status.code
        self.headers = Dictionary(headers.map { ($0.name.canonicalName, $0.value) }) { $1 }
        body = String(decoding: value.encoded, as: UTF8.self)
    }

    init(text: String) throws { self = try JSONDecoder().decode(Self.self, from: Data(text.utf8)) }

    var text: String {
        guard let data = try? JSONEncoder().encode(self) else {
            preconditionFailure("strings and numbers always encode")
        }
        return String(decoding: data, as: UTF8.self)
    }

    var response: Response {
        var fields = HTTPFields()
        for (name, value) in headers { fields[EdgeMiddleware.name(name)] = value }
        return .json(HTTPResponse.Status(code: status), bytes: Array(body.utf8), headers: fields)
    }
}
