import Testing
import Transport

/// A client of one node.
struct API: Sendable {
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    struct Unanswered: Error, CustomStringConvertible {
        let description: String
    }

    /// An account and its token.
    struct Player: Sendable {
        let id: String
        let email: String
        let username: String
        let city: String
        let token: String
    }

    static let password = "canasta de tres 8"

    let client: HTTPClient
    let origin: String
    let port: Int
    /// Of each request.
    var deadline: Duration = .seconds(30)

    func call(
        _ method: String, _ path: String, token: String? = nil, body: [UInt8]? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var headers = headers
        if let token { headers.append(name: "Authorization", value: "Bearer \(token)") }
        let url = path.hasPrefix("http://") ? path : origin + path
        let request = HTTPClientRequest(
            method: method, url: url, headers: headers, body: body.map { .bytes($0) } ?? .none)
        let response: HTTPClientResponse
        do { response = try await client.send(request, deadline: deadline, maxBodyBytes: 64_000_000) } catch {
            throw Unanswered(description: "\(method) \(url): \(error)")
        }
        let answer = Answer(status: response.status, headers: response.headers, body: response.body)
        if path.hasPrefix("/"), let complaint = try await ContractDocument.get(self).complaint(method, path, answer) {
            Issue.record("\(complaint)")
        }
        return answer
    }

    func get(_ path: String, token: String? = nil, headers: HTTPHeaders = [:]) async throws -> Answer {
        try await call("GET", path, token: token, headers: headers)
    }

    func post(_ path: String, _ json: JSON, token: String? = nil) async throws -> Answer {
        try await call(
            "POST", path, token: token, body: try json.bytes, headers: ["Content-Type": "application/json"])
    }

    func post(_ path: String, _ form: MultipartForm, token: String?) async throws -> Answer {
        try await call(
            "POST", path, token: token, body: form.bytes, headers: ["Content-Type": form.contentType])
    }

    // MARK: - What most tests begin with

    static func signUpForm(first: String, last: String, email: String, city: String) -> [String: JSON] {
        [
            "first_name": .text(first), "last_name": .text(last), "email": .text(email),
            "password1": .text(password), "password2": .text(password), "city": .text(city), "country": "Colombia",
        ]
    }

    func signUp(
        first: String = "Ana", last: String = "Torres", email: String? = nil, city: String = "Bogotá"
    ) async throws -> Player {
        let email = email ?? Self.freshEmail()
        let form = Self.signUpForm(first: first, last: last, email: email, city: city)
        let answer = try await post("/api/auth/signup", .object(form))
        guard answer.status == 201, let id = answer.json["user"]?["id"]?.text,
            let username = answer.json["user"]?["username"]?.text, let token = answer.json["access_token"]?.text
        else { throw Refused(description: "sign-up: \(answer.status) \(answer.text)") }
        return Player(id: id, email: email, username: username, city: city, token: token)
    }

    static func freshEmail() -> String { "p\(UInt64.random(in: .min ... .max))@example.com" }

    /// - Returns: the video's id.
    func upload(_ clip: [UInt8], title: String = "Un tiro libre", by player: Player) async throws -> String {
        let answer = try await post(
            "/api/videos/upload", .video(clip, title: title), token: player.token)
        guard answer.status == 201, let id = answer.json["video_id"]?.text else {
            throw Refused(description: "upload: \(answer.status) \(answer.text)")
        }
        return id
    }

    func video(_ id: String, of player: Player) async throws -> JSON {
        try await get("/api/videos/\(id)", token: player.token).json
    }

    /// The video once it is `processed` or `failed`.
    func finished(_ id: String, of player: Player, within bound: Duration = .seconds(30)) async throws -> JSON {
        try await eventually("video \(id) is processed", within: bound) {
            let video = try await video(id, of: player)
            return ["processed", "failed"].contains(video["status"]?.text) ? video : nil
        }
    }

    func vote(_ video: String, by player: Player) async throws -> Answer {
        try await call("POST", "/api/public/videos/\(video)/vote", token: player.token)
    }

    func ranking(city: String) async throws -> [JSON] {
        try await get("/api/public/rankings?city=\(city)").json.items ?? []
    }
}
