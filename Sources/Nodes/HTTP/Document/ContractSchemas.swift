/// The bodies of the contract, as JSON Schema (draft 2020-12, which OpenAPI 3.1 uses).
enum ContractSchemas {
    static let all: [String: JSONValue] = [
        "Error": object(
            required: ["detail", "message"],
            [
                "detail": ["oneOf": [text, list(OpenAPIDocument.reference("FieldProblem"))]], "message": text,
                "request_id": text,
            ]),
        "FieldProblem": object(
            required: ["type", "loc", "msg"], ["type": text, "loc": list(text), "msg": text]),
        "Message": object(required: ["message"], ["message": text]),
        "SignUp": object(
            required: ["first_name", "last_name", "email", "password1", "password2", "city", "country"],
            [
                "first_name": words, "last_name": words, "email": email, "password1": password, "password2": password,
                "city": words, "country": words,
            ]),
        "LogIn": object(
            required: ["email", "password"], ["email": email, "password": ["type": "string", "format": "password"]]),
        "Token": object(required: tokenNames, token),
        "SignedUp": object(
            required: tokenNames + ["message", "user"],
            token.merging(["message": text, "user": OpenAPIDocument.reference("User")]) { $1 }),
        "User": object(required: userNames, user),
        "Account": object(
            required: userNames + ["is_active", "created_at"],
            user.merging(["is_active": ["type": "boolean"], "created_at": time]) { $1 }),
        "Upload": [
            "type": "object", "required": ["title"],
            "anyOf": [["required": ["video_file"]], ["required": ["file"]]],
            "properties": [
                "video_file": file, "file": file, "title": ["type": "string", "minLength": 1, "maxLength": 200],
            ],
        ],
        "Uploaded": object(
            required: ["message", "task_id", "video_id"],
            [
                "message": text, "task_id": id, "video_id": id,
                "estimated_wait_seconds": ["type": "number", "minimum": 0],
            ]),
        "Video": object(required: videoNames, video),
        "OwnVideo": object(required: videoNames + ["original_url"], video.merging(["original_url": url]) { $1 }),
        "PublicVideo": object(
            required: videoNames + ["poster_url", "username", "city"],
            video.merging(["poster_url": url, "username": text, "city": text]) { $1 }),
        "Deleted": object(required: ["message", "video_id"], ["message": text, "video_id": id]),
        "VoteStatus": object(
            required: ["video_id", "has_voted", "user_id"],
            ["video_id": id, "has_voted": ["type": "boolean"], "user_id": id]),
        "Ranked": [
            "type": "object", "required": ["position", "username", "city", "votes"], "additionalProperties": false,
            "properties": [
                "position": ["type": "integer", "minimum": 1], "username": text, "city": text,
                "votes": ["type": "integer", "minimum": 1],
            ],
        ],
        "Health": object(
            required: ["status", "service", "database"],
            ["status": oneOf("healthy", "draining"), "service": text, "database": reach]),
        "Readiness": object(
            required: ["status", "service", "database", "storage", "queue", "ranking"],
            [
                "status": oneOf("ready", "not ready"), "service": text, "database": reach, "storage": reach,
                "queue": reach, "ranking": oneOf("ok", "loading"),
            ]),
    ]

    private static let file: JSONValue = [
        "type": "string", "contentMediaType": "application/octet-stream",
        "description": "The clip, by one name or the other; its content decides what it is.",
    ]
    private static let text: JSONValue = ["type": "string"]
    private static let words: JSONValue = ["type": "string", "minLength": 1, "maxLength": 100]
    private static let email: JSONValue = ["type": "string", "format": "email"]
    private static let password: JSONValue = ["type": "string", "format": "password", "minLength": 8, "maxLength": 256]
    private static let id: JSONValue = ["type": "string", "format": "uuid"]
    private static let url: JSONValue = ["type": "string", "format": "uri"]
    private static let time: JSONValue = ["type": "string", "format": "date-time"]
    private static let reach: JSONValue = oneOf("ok", "unreachable")

    private static let tokenNames = ["access_token", "token_type", "expires_in"]
    private static let token: [String: JSONValue] = [
        "access_token": text, "token_type": oneOf("Bearer"), "expires_in": ["type": "integer"],
    ]
    private static let userNames = ["id", "first_name", "last_name", "email", "city", "country", "username"]
    private static let user: [String: JSONValue] = [
        "id": id, "first_name": text, "last_name": text, "email": email, "city": text, "country": text,
        "username": text,
    ]
    private static let videoNames = [
        "video_id", "title", "status", "uploaded_at", "processed_at", "processed_url", "votes",
    ]
    private static let video: [String: JSONValue] = [
        "video_id": id, "title": text, "status": oneOf("uploaded", "processing", "processed", "failed"),
        "uploaded_at": time, "processed_at": orNull(time), "processed_url": orNull(url),
        "votes": ["type": "integer", "minimum": 0],
        "progress": ["type": "integer", "minimum": 0, "maximum": 100], "failure_reason": orNull(text),
        "failure_code": orNull(text),
    ]

    private static func object(required: [String], _ properties: [String: JSONValue]) -> JSONValue {
        [
            "type": "object", "required": .array(required.map(JSONValue.text)), "properties": .object(properties),
        ]
    }

    private static func list(_ items: JSONValue) -> JSONValue { ["type": "array", "items": items] }
    private static func oneOf(_ words: String...) -> JSONValue {
        ["type": "string", "enum": .array(words.map(JSONValue.text))]
    }
    private static func orNull(_ schema: JSONValue) -> JSONValue { ["oneOf": [schema, ["type": "null"]]] }
}
