import Actors
import HTTPTypes
import Hummingbird

/// Rows 9 to 11 of the contract: what the public sees, and votes.
struct ShowcaseRoutes: Sendable {
    private static let totalCount = EdgeMiddleware.name("X-Total-Count")
    private static let link = EdgeMiddleware.name("Link")

    let services: APIServices

    @Sendable func videos(_ request: Request, _ context: APIContext) async throws -> Response {
        let page = try PageQuery(request, defaultLimit: 50, maximumLimit: 100, moves: true)
        let query = QueryFields(request)
        let sort = query["sort"].map { PublicVideoSort(rawValue: $0) } ?? .recent
        guard let sort else { throw APIError.invalidQuery }
        let city = try Self.city(query["city"])
        let result = try await services.node.catalog.page(
            PublicVideoQuery(
                city: city.map { FoldedText($0) }, sort: sort, skip: page.skip, limit: page.limit, asOf: page.asOf))
        let json = services.videoJSON(request, context)
        let body = try await result.renderings.body(for: json.origin) {
            var items: [JSONValue] = []
            for item in result.videos { items.append(.object(try await json.members(of: item))) }
            return Array(JSONValue.array(items).encoded)
        }
        let links = body.note {
            var kept: [(String, String)] = [("sort", sort.rawValue)]
            if let city { kept.append(("city", Self.percentEncoded(city))) }
            return page.links(path: "/api/public/videos", query: kept, total: result.total, asOf: result.asOf)
        }
        return .ready(body, to: request, headers: listHeaders(total: result.total, links: links))
    }

    @Sendable func rankings(_ request: Request, _ context: APIContext) async throws -> Response {
        let page = try PageQuery(request, defaultLimit: 100, maximumLimit: 1000)
        let city = try Self.city(QueryFields(request)["city"])
        let query = RankingQuery(city: city.map { FoldedText($0) }, skip: page.skip, limit: page.limit)
        guard let ready = await services.node.rankings.readyPage(query) else {
            throw APIError.unavailable(retryAfterSeconds: 2)
        }
        let links = ready.body.note {
            let kept = city.map { [("city", Self.percentEncoded($0))] } ?? []
            return page.links(path: "/api/public/rankings", query: kept, total: ready.total)
        }
        return .ready(ready.body, to: request, headers: listHeaders(total: ready.total, links: links))
    }

    @Sendable func vote(_ request: Request, _ context: APIContext) async throws -> Response {
        let voter = try await services.callers.caller(of: request)
        let video = try Self.videoID(context)
        let verdict: VoteVerdict
        let vote = VoteRequest(voter: voter, video: video)
        let key = try IdempotencyKey(request, of: voter, route: .vote)
        do throws(VoteError) {
            if let key {
                verdict = try await services.node.ballots.cast(vote, under: key)
            } else {
                verdict = try await services.node.ballots.cast(vote)
            }
        } catch {
            switch error {
            case .inProgress: throw APIError.inProgress
            case .keyReused: throw APIError.keyReused
            case .tooManyKeys: throw APIError.tooManyKeys
            case .full, .notTaken, .unavailable: throw APIError.unavailable(retryAfterSeconds: 1)
            }
        }
        switch verdict {
        case .accepted: return .json(.ok, .object(["message": .text("Voto registrado exitosamente.")]))
        case .superseded: throw APIError.inProgress
        case .unknownVideo: throw APIError.videoNotFound
        case .notProcessed:
            throw APIError(
                .badRequest, "El video aún no está procesado y no admite votos (The video is not open to votes)")
        case .ownVideo:
            throw APIError(.badRequest, "No puedes votar por tu propio video (You cannot vote for your own video)")
        case .alreadyVoted:
            throw APIError(.badRequest, "Ya has votado por este video (You have already voted for this video)")
        }
    }

    @Sendable func voteStatus(_ request: Request, _ context: APIContext) async throws -> Response {
        let voter = try await services.callers.caller(of: request)
        let video = try Self.videoID(context)
        guard let hasVoted = try await services.node.votes.hasVoted(voter, for: video) else {
            throw APIError.videoNotFound
        }
        return .json(
            .ok,
            .object([
                "video_id": .text(video.description), "has_voted": .flag(hasVoted),
                "user_id": .text(voter.description),
            ]))
    }

    private func listHeaders(total: Int, links: String) -> HTTPFields {
        var headers = HTTPFields()
        headers.append(HTTPField(name: Self.totalCount, value: String(total)))
        if !links.isEmpty { headers.append(HTTPField(name: Self.link, value: links)) }
        return headers
    }

    private static func videoID(_ context: APIContext) throws -> VideoID {
        guard let id = context.parameters.get("id").flatMap({ VideoID($0) }) else {
            throw APIError(.badRequest, "Identificador de video inválido (Invalid video ID format)")
        }
        return id
    }

    /// Nil for every city; blank counts as none.
    private static func city(_ value: String?) throws -> String? {
        guard let value else { return nil }
        let text = value.trimmingWhitespace()
        // As sign-up takes it.
        guard value.unicodeScalars.count <= 100,
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { throw APIError.invalidQuery }
        return text.isEmpty ? nil : text
    }

    private static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += byte < 16 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
