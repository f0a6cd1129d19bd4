import Actors
import FoundationEssentials
import Synchronization
import Transport

/// The clients of a load run: accounts of their own, and one request of each kind.
package final class LoadClients: Sendable {
    private static let deadline: Duration = .seconds(60)
    private static let boundary = "anb-load-boundary-4c1e"
    private static let password = "carga de prueba 7"

    private struct Person: Sendable {
        let email: String
        let token: String
    }

    private let client: HTTPClient
    private let url: String
    private let clip: [UInt8]
    private let people = Mutex<[Person]>([])
    private let videos = Mutex<[String]>([])
    /// Addresses of one run do not meet those of another.
    private let run = String(SystemRandomSource().next(), radix: 36)
    private let made = Atomic<Int>(0)

    package init(client: HTTPClient, url: String, clip: [UInt8]) {
        self.client = client
        self.url = url
        self.clip = clip
    }

    /// Signs up `count` accounts, and looks which videos are open to votes.
    package func prepare(accounts count: Int) async throws {
        for _ in 0..<count {
            let status = await signUp()
            guard status == 201 else {
                throw DemoFailure("a sign-up answered \(status == 0 ? "nothing" : "\(status)"): the load cannot begin")
            }
        }
        let answer = try await client.send(
            HTTPClientRequest(url: url + "/api/public/videos?limit=100"), deadline: Self.deadline,
            maxBodyBytes: 1 << 24)
        guard case .array(let items)? = try? JSONDecoder().decode(JSONValue.self, from: Data(answer.body)) else {
            throw DemoFailure("\(url)/api/public/videos answered \(answer.status), and no list")
        }
        let ids = items.compactMap { $0["video_id"]?.text }
        videos.withLock { $0 = ids }
    }

    /// - Returns: the answer's status; 0 without one.
    package func perform(_ action: LoadMix.Action, _ random: UInt64) async -> Int {
        switch action {
        case .list:
            let sort = random % 2 == 0 ? "recent" : "votes"
            return await get("/api/public/videos?limit=20&sort=\(sort)")
        case .rankings: return await get("/api/public/rankings")
        case .health: return await get("/api/health")
        case .signup: return await signUp()
        case .login:
            guard let person = person(random) else { return 0 }
            let body: JSONValue = .object(["email": .text(person.email), "password": .text(Self.password)])
            return await post("/api/auth/login", Array(body.encoded), type: "application/json", token: nil)?.status ?? 0
        case .vote:
            let video = videos.withLock { $0.isEmpty ? nil : $0[Int((random >> 20) % UInt64($0.count))] }
            // Nothing to vote for: what an eager client would ask.
            guard let person = person(random), let video else { return await get("/api/public/videos?limit=20") }
            return await post("/api/public/videos/\(video)/vote", [], type: nil, token: person.token)?.status ?? 0
        case .upload:
            guard let person = person(random) else { return 0 }
            return await post(
                "/api/videos/upload", form, type: "multipart/form-data; boundary=\(Self.boundary)", token: person.token
            )?.status ?? 0
        }
    }

    private func person(_ random: UInt64) -> Person? {
        people.withLock { $0.isEmpty ? nil : $0[Int(random % UInt64($0.count))] }
    }

    private func signUp() async -> Int {
        let number = made.wrappingAdd(1, ordering: .relaxed).newValue
        let email = "load-\(run)-\(number)@example.com"
        let body: JSONValue = .object([
            "first_name": "Carga", "last_name": .text("Número \(number)"), "email": .text(email),
            "password1": .text(Self.password), "password2": .text(Self.password),
            "city": .text(["Bogotá", "Medellín", "Cali", "Barranquilla"][number % 4]), "country": "Colombia",
        ])
        guard
            let answer = await post("/api/auth/signup", Array(body.encoded), type: "application/json", token: nil)
        else { return 0 }
        if answer.status == 201, let json = try? JSONDecoder().decode(JSONValue.self, from: Data(answer.body)),
            let token = json["access_token"]?.text
        {
            people.withLock { $0.append(Person(email: email, token: token)) }
        }
        return answer.status
    }

    private func get(_ path: String) async -> Int {
        let answer = try? await client.send(
            HTTPClientRequest(url: url + path), deadline: Self.deadline, maxBodyBytes: 1 << 24)
        return answer?.status ?? 0
    }

    private func post(_ path: String, _ body: [UInt8], type: String?, token: String?) async -> HTTPClientResponse? {
        var request = HTTPClientRequest(method: "POST", url: url + path, body: .bytes(body))
        if let type { request.headers.append(name: "Content-Type", value: type) }
        if let token { request.headers.append(name: "Authorization", value: "Bearer \(token)") }
        return try? await client.send(request, deadline: Self.deadline, maxBodyBytes: 1 << 24)
    }

    private var form: [UInt8] {
        let head = """
            --\(Self.boundary)\r\nContent-Disposition: form-data; name="title"\r\n\r\nPrueba de carga\r
            --\(Self.boundary)\r\nContent-Disposition: form-data; name="video_file"; filename="clip.mp4"\r
            Content-Type: video/mp4\r\n\r\n
            """
        return Array(head.utf8) + clip + Array("\r\n--\(Self.boundary)--\r\n".utf8)
    }
}
