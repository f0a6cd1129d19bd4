import FoundationEssentials
import Synchronization
import Transport

/// The API as the demo's players use it, over libcurl.
///
/// With several nodes each request goes to the next one, as behind a load balancer.
final class DemoAPI: Sendable {
    struct Player: Sendable {
        let name: String
        let username: String
        let city: String
        let token: String
    }

    private static let deadline: Duration = .seconds(30)
    private static let boundary = "anb-demo-boundary-7d1f"

    let client: HTTPClient
    let baseURLs: [String]
    private let requests = Mutex(0)

    init(client: HTTPClient, baseURLs: [String]) {
        self.client = client
        self.baseURLs = baseURLs
    }

    private var baseURL: String {
        requests.withLock { count in
            count += 1
            return baseURLs[count % baseURLs.count]
        }
    }

    /// All nodes.
    func waitUntilReady() async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(120)
        var waiting = baseURLs[...]
        while clock.now < end {
            guard let next = waiting.first else { return }
            if let answer = try? await client.send(
                HTTPClientRequest(url: next + "/api/ready"), deadline: .seconds(2), maxBodyBytes: 65536),
                answer.status == 200
            {
                waiting = waiting.dropFirst()
            } else {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        throw DemoFailure("the cluster was not ready within two minutes")
    }

    func signUp(_ first: String, _ last: String, city: String) async throws -> Player {
        let password = "rising-stars-\(last.lowercased())"
        let body: JSONValue = .object([
            "first_name": .text(first), "last_name": .text(last),
            "email": .text("\(first).\(last)@demo.example".lowercased()), "password1": .text(password),
            "password2": .text(password), "city": .text(city), "country": .text("Colombia"),
        ])
        let answer = try await send("POST", "/api/auth/signup", json: body, expecting: 201)
        guard let token = answer["access_token"]?.text, let username = answer["user"]?["username"]?.text else {
            throw DemoFailure("sign-up answered without a token")
        }
        return Player(name: "\(first) \(last)", username: username, city: city, token: token)
    }

    /// - Returns: the video's id.
    func upload(
        _ path: String, title: String, by player: Player, progress: @escaping @Sendable (Int) -> Void
    ) async throws -> String {
        let file = try Data(contentsOf: URL(filePath: path))
        let head = """
            --\(Self.boundary)\r\nContent-Disposition: form-data; name="title"\r\n\r\n\(title)\r
            --\(Self.boundary)\r\nContent-Disposition: form-data; name="video_file"; filename="clip.mp4"\r
            Content-Type: video/mp4\r\n\r\n
            """
        let body = Array(head.utf8) + Array(file) + Array("\r\n--\(Self.boundary)--\r\n".utf8)
        let chunks = AsyncStream<[UInt8]> { continuation in
            for start in stride(from: 0, to: body.count, by: 65536) {
                continuation.yield(Array(body[start..<min(body.count, start + 65536)]))
            }
            continuation.finish()
        }
        let total = Int64(body.count)
        let response = try await client.upload(
            HTTPClientRequest(
                method: "POST", url: baseURL + "/api/videos/upload",
                headers: [
                    "Authorization": "Bearer \(player.token)",
                    "Content-Type": "multipart/form-data; boundary=\(Self.boundary)",
                ]),
            lengthBytes: total, body: chunks, deadline: .seconds(120), maxBodyBytes: 65536
        ) { sent in progress(Int(sent * 100 / total)) }
        progress(100)
        let answer = try decode(response)
        guard response.status == 201, let id = answer["video_id"]?.text else {
            throw DemoFailure("upload answered \(response.status): \(answer["message"]?.text ?? "")")
        }
        return id
    }

    func video(_ id: String, of player: Player) async throws -> JSONValue {
        try await send("GET", "/api/videos/\(id)", token: player.token)
    }

    func vote(for id: String, by player: Player) async throws {
        _ = try await send("POST", "/api/public/videos/\(id)/vote", token: player.token)
    }

    func rankings() async throws -> [JSONValue] { try await list("/api/public/rankings?limit=10") }
    func publicVideos() async throws -> [JSONValue] { try await list("/api/public/videos?sort=votes") }

    /// Reads a byte range, as a player that seeks does.
    func watch(_ url: String) async throws -> Int {
        try await client.send(
            HTTPClientRequest(url: url, headers: ["Range": "bytes=0-65535"]), deadline: Self.deadline,
            maxBodyBytes: 1 << 20
        ).status
    }

    private func list(_ path: String) async throws -> [JSONValue] {
        guard case .array(let items) = try await send("GET", path) else { throw DemoFailure("\(path) is no array") }
        return items
    }

    private func send(
        _ method: String, _ path: String, token: String? = nil, json: JSONValue? = nil, expecting status: Int = 200
    ) async throws -> JSONValue {
        var request = HTTPClientRequest(method: method, url: baseURL + path)
        if let token { request.headers.append(name: "Authorization", value: "Bearer \(token)") }
        if let json {
            request.headers.append(name: "Content-Type", value: "application/json")
            request.body = .bytes(Array(try JSONEncoder().encode(json)))
        } else if method == "POST" {
            request.body = .bytes([])
        }
        let response = try await client.send(request, deadline: Self.deadline, maxBodyBytes: 4 << 20)
        let answer = try decode(response)
        guard response.status == status else {
            throw DemoFailure("\(method) \(path) answered \(response.status): \(answer["message"]?.text ?? "")")
        }
        return answer
    }

    private func decode(_ response: HTTPClientResponse) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(response.body))
    }
}
