import Actors
import FoundationEssentials
import Glibc
import HTTPTypes
import Hummingbird
import NIOCore
import Nodes
import Testing
import Transport

/// What strangers send is parsed by these, and none of it may end the process, go on for ever, or be taken for something
/// else. `ANB_FUZZ_RUNS` says how many inputs each gets; a failure tells the seed and the input.
@Suite("Mutated inputs")
struct FuzzTests {
    static let runs = getenv("ANB_FUZZ_RUNS").flatMap { Int(String(cString: $0)) } ?? 20_000

    private static func each(
        _ name: String, words: [String] = [], _ body: (inout Mutator, [UInt8]) async throws -> Bool
    ) async throws {
        // Blocks of a thousand, each with a seed of its own, so that a failure is found again at once.
        for block in 0..<max(1, runs / 1000) {
            var mutator = try Mutator(name, seed: UInt64(block), words: words)
            for run in 0..<1000 {
                let input = mutator.next()
                if try await body(&mutator, input) { continue }
                Issue.record("\(name), seed \(block), run \(run): \(Data(input).base64EncodedString())")
                return
            }
        }
    }

    private static func request(_ path: String = "/", _ fields: HTTPFields = [:]) -> Request {
        Request(
            head: HTTPRequest(method: .get, scheme: "http", authority: "a", path: path, headerFields: fields),
            body: RequestBody(buffer: ByteBuffer()))
    }

    @Test("a multipart body means the same however it is cut, and never more than it is")
    func multipart() async throws {
        try await Self.each(
            "multipart", words: ["--b", "--b--", "\r\n\r\n", "Content-Disposition: form-data; name=\""]
        ) {
            mutator, input in
            let whole = try? MultipartTranscript.parse([input[...]], boundary: "b")
            var chunks: [ArraySlice<UInt8>] = []
            var start = 0
            while start < input.count {
                let end = min(input.count, start + 1 + mutator.below(9))
                chunks.append(input[start..<end])
                start = end
            }
            let cut = try? MultipartTranscript.parse(chunks, boundary: "b")
            let bytes = whole?.parts.reduce(0) { $0 + $1.body.count } ?? 0
            return whole == cut && bytes <= input.count && whole?.parts.count ?? 0 <= 32
        }
    }

    @Test("a Content-Type gives a boundary of its own characters, or none")
    func boundary() async throws {
        try await Self.each("content-type", words: ["boundary=", "\"", "\\\"", "; "]) { _, input in
            guard let boundary = try? MultipartBoundary(contentType: String(decoding: input, as: UTF8.self)) else {
                return true
            }
            return (1...70).contains(boundary.text.utf8.count)
        }
    }

    @Test("a query gives a page within its bounds, or is refused as the client's mistake")
    func query() async throws {
        try await Self.each(
            "query", words: ["skip=", "limit=", "page=", "cursor=", "&", "=", "%", "99999999999999999999"]
        ) {
            mutator, input in
            let request = Self.request("/x?" + String(decoding: input, as: UTF8.self))
            let moves = mutator.below(2) == 0
            do {
                let page = try PageQuery(request, defaultLimit: 50, maximumLimit: 100, moves: moves)
                guard (0...PageQuery.maximumSkip).contains(page.skip), (1...100).contains(page.limit) else {
                    return false
                }
                // Its own links are read as they were meant.
                let links = page.links(path: "/x", query: [], total: page.skip + page.limit + 1, asOf: moves ? 7 : nil)
                guard let end = links.firstIndex(of: ">") else { return false }
                let next = try PageQuery(
                    Self.request(String(links[links.index(after: links.startIndex)..<end])), defaultLimit: 50,
                    maximumLimit: 100, moves: moves)
                return next.skip == page.skip + page.limit && next.limit == page.limit
            } catch let error as APIError {
                return error.status == .badRequest
            }
        }
    }

    @Test("JSON is never deeper than was told, and wrong fields are refused as the client's mistake")
    func json() async throws {
        func depth(_ value: JSONValue) -> Int {
            switch value {
            case .array(let items): 1 + (items.map(depth).max() ?? 0)
            case .object(let members): 1 + (members.values.map(depth).max() ?? 0)
            default: 0
            }
        }
        try await Self.each("json", words: ["{", "}", "[", "]", "\"", "\\", "null", "1e999", "\\ud800", ":", ","]) {
            _, input in
            let told = JSONValue.depth(of: input)
            guard told <= 64, let value = try? JSONDecoder().decode(JSONValue.self, from: Data(input)) else {
                return true
            }
            guard depth(value) <= told else { return false }
            do {
                var fields = try FieldReader(value)
                let email = fields.email("email")
                _ = fields.newPassword("password1")
                let city = fields.required("city", maximumLength: 100)
                try fields.finish()
                return (email?.text.utf8.count ?? 0) <= 254 && !(city?.contains("\0") ?? false)
            } catch let error as APIError {
                return error.status == .unprocessableContent
            }
        }
    }

    @Test("of all tokens near a valid one, only those with its claims and signature are valid")
    func tokens() async throws {
        let clock = FixedClock()
        let authority = await TokenAuthority(
            keys: [TokenKey(id: "k1", secret: [UInt8](repeating: 7, count: 32))], life: .seconds(3600), wallClock: clock
        )
        let user = User(
            id: UserID(UUID()), firstName: "A", lastName: "B", email: try #require(EmailAddress("a@example.com")),
            city: "Cali", country: "CO", username: "a.b", isActive: true, createdAt: clock.now)
        let token = try await authority.token(for: user)
        let parts = token.split(separator: ".").map(String.init)
        try await Self.each("token", words: ["none", "HS256", "RS256", ".", "eyJ", "k1"]) { mutator, input in
            // An input of the corpus stands for a part, or for the whole.
            var mine = parts
            let place = mutator.below(4)
            let text: String
            if place < 3 {
                var part = Array(parts[place].utf8)
                part.replaceSubrange(
                    min(part.count, mutator.below(part.count + 1))..., with: input.prefix(mutator.below(64)))
                mine[place] = String(decoding: part, as: UTF8.self)
                text = mine.joined(separator: ".")
            } else {
                text = String(decoding: input, as: UTF8.self)
            }
            guard let value = HTTPField.Name("Authorization").map({ HTTPField(name: $0, value: "Bearer \(text)") })
            else {
                return false
            }
            do {
                let bearer = try await authority.bearer(of: Self.request("/", [value.name: value.value]))
                // The same bytes under another spelling of base64url, at most.
                return bearer.user == user.id
                    && text.split(separator: ".").dropLast().map(String.init) == Array(parts.dropLast())
            } catch let error as APIError {
                return error.status == .unauthorized
            }
        }
    }

    @Test("a range lies within what is there")
    func ranges() async throws {
        try await Self.each("range", words: ["bytes=", "-", ",", "9223372036854775807", "99999999999999999999"]) {
            mutator, input in
            let size = Int64([0, 1, 100, 1 << 40][mutator.below(4)])
            switch RangeDecision(
                range: String(decoding: input, as: UTF8.self), ifRange: nil, etag: "\"e\"", sizeBytes: size)
            {
            case .whole: return true
            case .partial(let range): return range.bytes.lowerBound >= 0 && range.bytes.upperBound <= size
            case .unsatisfiable(let told): return told == size
            }
        }
    }

    @Test("of all links near a signed one, only itself is valid, and only in its time")
    func links() async throws {
        let signer = MediaURLSigner(secret: [UInt8](repeating: 9, count: 32))
        let key = ObjectKey("processed/7c9e6679-7425-40de-944b-e07fc1f90ae7.mp4")
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let url = signer.url(
            for: SignedURLRequest(key: key, contentType: "video/mp4", origin: "http://a"), expiresAt: now + 60)
        let original = Request(
            head: HTTPRequest(
                method: .get, scheme: "http", authority: "a", path: String(url.dropFirst("http://a".count))),
            body: RequestBody(buffer: ByteBuffer()))
        let signature = try #require(original.uri.queryParameters["signature"])
        let grant = MediaURLSigner.Grant(
            key: key, contentType: "video/mp4", downloadName: nil, expires: 1_800_000_060)
        #expect(signer.isValid(grant, signature: String(signature), at: now))
        #expect(!signer.isValid(grant, signature: String(signature), at: now + 61))
        try await Self.each("link", words: ["expires=", "&type=", "&signature=", "%2F", "..", "/"]) { mutator, input in
            var text = Array(
                "processed/7c9e6679-7425-40de-944b-e07fc1f90ae7.mp4?expires=1800000060&type=video/mp4&signature=".utf8)
            text += Array(signature.utf8)
            text.replaceSubrange(mutator.below(text.count)..., with: input)
            let query = Self.request("/media/" + String(decoding: text, as: UTF8.self)).uri
            let asked = MediaURLSigner.Grant(
                key: ObjectKey(String(query.path.dropFirst("/media/".count))),
                contentType: query.queryParameters["type"].map { String($0) } ?? "",
                downloadName: query.queryParameters["name"].map { String($0) },
                expires: query.queryParameters["expires"].flatMap { Int64($0) } ?? 0)
            let given = query.queryParameters["signature"].map { String($0) } ?? ""
            return !signer.isValid(asked, signature: given, at: now) || asked == grant
        }
    }

    @Test("header fields that proxies and clients write are read or ignored")
    func fields() async throws {
        let proxies = TrustedProxies([try #require(NetworkBlock("10.0.0.0/8"))])
        let peer = try #require(NetworkAddress("10.0.0.1"))
        try await Self.each("field", words: ["10.0.0.1", ",", "::", "[", "]:", "gzip", ";q=", "W/\"", "*"]) {
            _, input in
            let text = String(decoding: input, as: UTF8.self)
            let client = proxies.client(peer: peer, forwarded: [text]).network
            guard !client.isEmpty, client.utf8.count <= 40 else { return false }
            let user = UserID(UUID())
            guard let key = IdempotencyKey(text, of: user, route: .vote) else { return true }
            return key.text == text && (1...255).contains(text.utf8.count)
        }
    }

    private struct FixedClock: WallClock {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
    }
}
