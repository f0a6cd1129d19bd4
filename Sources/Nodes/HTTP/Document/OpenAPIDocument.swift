import FoundationEssentials
import HTTPTypes

/// OpenAPI 3.1 of the routes that were added: a route without a word about it cannot be.
struct OpenAPIDocument {
    private var paths: [String: [String: JSONValue]] = [:]
    private var operations: [Operation] = []

    static func reference(_ component: String) -> JSONValue { ["$ref": .text("#/components/schemas/\(component)")] }

    mutating func add(_ path: String, _ method: HTTPRequest.Method, _ operation: Operation) {
        operations.append(operation)
        paths[path, default: [:]][method.rawValue.lowercased()] = Self.json(operation)
    }

    /// The document's bytes, keys in a fixed order.
    var bytes: [UInt8] {
        let document: JSONValue = [
            "openapi": "3.1.0",
            "info": [
                "title": "ANB Rising Stars", "version": "1",
                "description":
                    "Los jugadores suben un video de sus habilidades, el público mira y vota. Cada ruta funciona con y sin barra final, y HEAD donde hay GET. (Players upload a clip of their skills, the public watches and votes. Every path works with and without a trailing slash, and HEAD wherever there is GET.)",
            ],
            "servers": [["url": "/"]],
            "tags": .array(Operation.Group.allCases.map { ["name": .text($0.rawValue)] }),
            "paths": .object(paths.mapValues(JSONValue.object)),
            "components": [
                "schemas": .object(ContractSchemas.all),
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
            ],
        ]
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(document) else { preconditionFailure("finite JSON always encodes") }
        return [UInt8](data)
    }

    private static func json(_ operation: Operation) -> JSONValue {
        var members: [String: JSONValue] = [
            "operationId": .text(operation.id), "summary": .text(operation.summary),
            "tags": [.text(operation.group.rawValue)], "responses": .object(responses(of: operation)),
        ]
        if !operation.description.isEmpty { members["description"] = .text(operation.description) }
        if operation.needsToken { members["security"] = [["token": []]] }
        if !operation.parameters.isEmpty {
            members["parameters"] = .array(
                operation.parameters.map { parameter in
                    [
                        "name": .text(parameter.name), "in": .text(parameter.place.rawValue),
                        "required": .flag(parameter.place == .path), "schema": parameter.schema,
                        "description": .text(parameter.description),
                    ]
                })
        }
        if let body = operation.body {
            let (type, component) =
                switch body {
                case .json(let name): ("application/json", name)
                case .form(let name): ("multipart/form-data", name)
                }
            members["requestBody"] = [
                "required": true, "content": .object([type: ["schema": reference(component)]]),
            ]
        }
        return .object(members)
    }

    private static func responses(of operation: Operation) -> [String: JSONValue] {
        var responses: [String: JSONValue] = [:]
        for response in operation.responses {
            var members: [String: JSONValue] = ["description": .text(response.description)]
            switch response.content {
            case .none: break
            case .json(let schema): members["content"] = ["application/json": ["schema": schema]]
            case .html: members["content"] = ["text/html": ["schema": ["type": "string"]]]
            }
            if !response.headers.isEmpty {
                members["headers"] = .object(
                    Dictionary(uniqueKeysWithValues: response.headers.map { ($0, ["schema": ["type": "string"]]) }))
            }
            responses["\(response.status)"] = .object(members)
        }
        var errors = operation.errors
        if operation.needsToken {
            errors[401] = "The token is missing, malformed, expired or not ours."
        }
        // What any route may say: a request that is no HTTP, a node that is full or without its database, a defect.
        errors[400] = errors[400] ?? "The request is malformed."
        errors[408] = errors[408] ?? "Header or body did not arrive in time."
        errors[429] = errors[429] ?? "Too many connections from this address; Retry-After says when to come back."
        errors[431] = errors[431] ?? "The header is too large."
        errors[500] = "A defect; the request id tells where to look."
        errors[503] = errors[503] ?? "Something that the node needs is away; Retry-After says when to come back."
        for (status, description) in errors where responses["\(status)"] == nil {
            var members: [String: JSONValue] = [
                "description": .text(description),
                "content": ["application/json": ["schema": reference("Error")]],
            ]
            if let header = [401: "WWW-Authenticate", 409: "Retry-After", 429: "Retry-After", 503: "Retry-After"][
                status]
            {
                members["headers"] = .object([header: ["schema": ["type": "string"]]])
            }
            responses["\(status)"] = .object(members)
        }
        return responses
    }
}
