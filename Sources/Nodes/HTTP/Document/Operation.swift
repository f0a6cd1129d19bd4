import Actors
import HTTPTypes

/// What the document says of one route; it stands beside the handler.
struct Operation: Sendable {
    enum Group: String, Sendable, CaseIterable {
        case accounts = "Cuentas"
        case videos = "Mis videos"
        case showcase = "Público"
        case status = "Estado"
    }

    struct Parameter: Sendable {
        enum Place: String, Sendable {
            case path, query, header
        }

        let name: String
        let place: Place
        let schema: JSONValue
        let description: String

        static func query(_ name: String, _ schema: JSONValue, _ description: String) -> Self {
            Self(name: name, place: .query, schema: schema, description: description)
        }

        /// A video's id, the only parameter in any path of the contract.
        static let id = Self(
            name: "id", place: .path, schema: ["type": "string", "format": "uuid"], description: "The video's id.")

        static let idempotencyKey = Self(
            name: "Idempotency-Key", place: .header,
            schema: [
                "type": "string", "minLength": 1, "maxLength": .number(Double(IdempotencyKey.maximumLength)),
                "pattern": "^[!-~]+$",
            ],
            description:
                "A name of the client's own for this request: for 24 hours a repetition gets the first answer, and no second effect."
        )
    }

    enum Body: Sendable {
        /// A component's name.
        case json(String)
        case form(String)
    }

    enum Content: Sendable {
        case none
        /// The schema of a JSON body.
        case json(JSONValue)
        case html

        static func component(_ name: String) -> Self { .json(OpenAPIDocument.reference(name)) }
        static func list(of name: String) -> Self {
            .json(["type": "array", "items": OpenAPIDocument.reference(name)])
        }
    }

    struct Response: Sendable {
        let status: Int
        let description: String
        let content: Content
        var headers: [String] = []
    }

    /// In camel case; names the operation in generated clients.
    let id: String
    let group: Group
    let summary: String
    var description = ""
    var needsToken = false
    var parameters: [Parameter] = []
    var body: Body?
    /// Beside errors.
    let responses: [Response]
    /// Errors in the contract's shape, and when they come.
    var errors: [Int: String] = [:]
}

/// What answers a method of a path, and what the document says of it.
struct Endpoint: Sendable {
    let handler: APIRoutes.Handler
    let operation: Operation

    init(_ handler: @escaping APIRoutes.Handler, _ operation: Operation) {
        self.handler = handler
        self.operation = operation
    }
}
