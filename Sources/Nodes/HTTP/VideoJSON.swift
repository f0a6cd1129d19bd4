import Actors
import FoundationEssentials

/// Videos as the contract writes them.
struct VideoJSON: Sendable {
    let gateway: S3Gateway
    /// Scheme and authority that the client reaches this API by.
    let origin: String

    /// Fields of rows 5 and 6; nulls until processed.
    func members(of video: Video) async throws -> [String: JSONValue] {
        var members: [String: JSONValue] = [
            "video_id": .text(video.id.description),
            "title": .text(video.title),
            "status": .text(video.state.rawValue),
            "uploaded_at": .text(video.uploadedAt.rfc3339),
            "processed_at": video.processedAt.map { .text($0.rfc3339) } ?? .null,
            "processed_url": .null,
            "votes": .number(Double(video.votes)),
        ]
        switch video.state {
        case .processed: members["processed_url"] = .text(try await processedURL(video))
        case .processing: members["progress"] = .number(Double(video.progressPercent))
        case .failed:
            members["failure_reason"] = video.failure.map { .text($0.text) } ?? .null
            members["failure_code"] = video.failure.map { .text($0.code.rawValue) } ?? .null
        case .uploaded: break
        }
        return members
    }

    /// Fields of row 9.
    func members(of item: PublicVideo) async throws -> [String: JSONValue] {
        var members = try await members(of: item.video)
        members["poster_url"] = .text(
            try await url(.poster(item.video.id), contentType: "image/jpeg"))
        members["username"] = .text(item.username)
        members["city"] = .text(item.city)
        return members
    }

    func processedURL(_ video: Video) async throws -> String {
        try await url(.processedVideo(video.id), contentType: "video/mp4")
    }

    func originalURL(_ video: Video) async throws -> String {
        try await url(video.original.key, contentType: video.original.contentType)
    }

    private func url(_ key: ObjectKey, contentType: String) async throws -> String {
        try await gateway.signedURL(for: SignedURLRequest(key: key, contentType: contentType, origin: origin))
    }
}

extension Date {
    /// Seconds, in UTC: `2026-03-10T14:30:00Z`.
    var rfc3339: String { formatted(.iso8601) }
    /// With milliseconds: `2026-03-10T14:30:00.123Z`.
    var rfc3339Milliseconds: String { formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) }
}
