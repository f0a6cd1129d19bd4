import Actors

/// Rows of videos. Their time is the server's; delivery's and the outbox's methods are in extensions.
package struct PostgresVideoRepository: VideoRepository {
    let database: PostgresDatabase
    /// Whose writes the events tell of.
    let node: NodeID?

    package init(client: PostgresClient, node: NodeID? = nil) {
        database = PostgresDatabase(client: client)
        self.node = node
    }

    /// Two statements, because the count must be taken after the owner's row is locked: of two uploads at once the
    /// second sees the first.
    package func create(_ video: NewVideo, maximumPerPlayer: Int) async throws(RepositoryError) -> CreateVideoVerdict {
        try await database.transaction { transaction in
            guard try await transaction.query(VideoStatements.lockOwner, [.id(video.owner)]).count == 1 else {
                return .unknownOwner
            }
            if let answer = video.answerOnce {
                let held = try await transaction.query(IdempotencyStatements.lock, [.id(answer.token)])
                if held.isEmpty { return .superseded }
            }
            let original = video.original
            let rows = try await transaction.query(
                VideoStatements.create,
                [
                    .id(video.id), .id(video.owner), .text(video.title), .text(original.key.name),
                    .text(original.contentType), .int64(original.sizeBytes), .text(original.sha256),
                    .milliseconds(original.duration), .count(maximumPerPlayer), .optional(video.requestID), .id(node),
                ])
            if rows.isEmpty { return .tooManyVideos(maximum: maximumPerPlayer) }
            if let answer = video.answerOnce {
                try await transaction.query(
                    IdempotencyStatements.remember, PostgresIdempotencyRepository.parameters(answer))
            }
            return .created
        }
    }

    package func video(_ id: VideoID) async throws(RepositoryError) -> Video? {
        try await database.query(VideoStatements.byID, [.id(id)]) { rows throws(PostgresError) in
            guard let row = rows.first else { return nil }
            return try row.video(at: 0)
        }
    }

    package func delete(_ id: VideoID, by owner: UserID, requestID: String?) async throws(RepositoryError)
        -> DeleteVideoVerdict
    {
        let parameters: [PostgresValue] = [.id(id), .id(owner), .optional(requestID), .id(node)]
        while true {
            let verdict: DeleteVideoVerdict? = try await database.query(VideoStatements.delete, parameters) {
                rows throws(PostgresError) in
                guard let row = rows.first else { return .unknown }
                switch try row.int32(0) {
                case 0: return .deleted(objects: [ObjectKey(try row.text(1)), .processedVideo(id), .poster(id)])
                // Unfinished when the statement began, and yet not deleted by it: somebody else deleted or committed
                // it meanwhile, which a new statement tells.
                case 1: return try row.int32(2) == 2 ? .processed : nil
                default: return .notOwner
                }
            }
            if let verdict { return verdict }
        }
    }

    package func videos(of owner: UserID) async throws(RepositoryError) -> [Video] {
        try await database.query(VideoStatements.ofOwner, [.id(owner)]) { rows throws(PostgresError) in
            var videos: [Video] = []
            for row in rows { videos.append(try row.video(at: 0)) }
            return videos
        }
    }

    package func publicVideos(_ query: PublicVideoQuery) async throws(RepositoryError) -> PublicVideoPage {
        let isByVotes = query.sort == .votes
        let page: [PostgresValue] = [
            .int64(Int64(query.limit)), .int64(Int64(query.skip)),
            query.asOf.map { .timestamp(microseconds: $0) } ?? .null,
        ]
        let city: [PostgresValue] = query.city.map { [.text($0.text)] } ?? []
        let statement =
            switch (isByVotes, query.city != nil) {
            case (false, false): VideoStatements.recent
            case (false, true): VideoStatements.recentInCity
            case (true, false): VideoStatements.mostVoted
            case (true, true): VideoStatements.mostVotedInCity
            }
        return try await database.query(statement, page + city, Self.readPage)
    }

    /// Moment and total, then username, city and the video, all NULL beyond the last page.
    private static func readPage(_ rows: PostgresRows) throws(PostgresError) -> PublicVideoPage {
        var total = 0
        var asOf: Int64 = 0
        var videos: [PublicVideo] = []
        for row in rows {
            asOf = try row.timestampMicroseconds(0)
            total = try row.count(1)
            guard let username = try row.optionalText(2) else { continue }
            videos.append(PublicVideo(video: try row.video(at: 4), username: username, city: try row.text(3)))
        }
        return PublicVideoPage(videos: videos, total: total, asOf: asOf)
    }

    /// Names that this system does not make are never orphans: they are somebody else's.
    package func orphans(among keys: [ObjectKey]) async throws(RepositoryError) -> [ObjectKey] {
        let named = keys.compactMap { key in key.video.map { (key: key, video: $0) } }
        guard !named.isEmpty else { return [] }
        let parameters: [PostgresValue] = [.textArray(named.map(\.key.name)), .ids(named.map(\.video))]
        return try await database.query(VideoStatements.orphans, parameters) { rows throws(PostgresError) in
            var orphans: [ObjectKey] = []
            for row in rows { orphans.append(ObjectKey(try row.text(0))) }
            return orphans
        }
    }

    package func backlog() async throws(RepositoryError) -> Backlog {
        try await database.query(VideoStatements.backlog) { rows throws(PostgresError) in
            let row = rows[0]
            return Backlog(
                waiting: try row.count(0), inWork: try row.count(1),
                oldestUnfinished: try row.optionalInt64(2).map { .microseconds($0) }, outbox: try row.count(3),
                oldestOutbox: try row.optionalInt64(4).map { .microseconds($0) },
                transcode: try row.optionalInt64(5).map { .microseconds($0) })
        }
    }

    package func check() async throws(RepositoryError) {
        try await database.query(VideoStatements.check) { _ in }
    }
}
