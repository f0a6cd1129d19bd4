import Actors
import Logging
import Testing
import Transport

let silentLogger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

struct UnexpectedVerdict: Error {
    let text: String
}

extension DomainDatabase {
    func id<Subject>(_ subject: Subject.Type = Subject.self) -> Identifier<Subject> {
        IdentifierSource(random: SystemRandom()).make()
    }

    @discardableResult
    func makeUser(city: String = "Bogotá", username: String = "ana.ruiz") async throws -> User {
        let id: UserID = id()
        let email = try #require(EmailAddress("\(id)@example.com"))
        let user = NewUser(
            id: id, firstName: "Ana", lastName: "Ruiz", email: email, city: city, country: "Colombia",
            usernameBase: username, passwordHash: "$hash$")
        let verdict = try await users.create(user)
        guard case .created(let created) = verdict else { throw UnexpectedVerdict(text: "\(verdict)") }
        return created
    }

    func newVideo(of owner: UserID) -> NewVideo {
        let id: VideoID = id()
        return NewVideo(
            id: id, owner: owner, title: "Clip",
            original: OriginalObject(
                key: .original(id, fileExtension: "mp4"), contentType: "video/mp4", sizeBytes: 1_000,
                sha256: "ab", duration: .milliseconds(2_500)))
    }

    /// An uploaded video of a new player; its outbox entry is sent.
    func makeVideo(of owner: UserID? = nil) async throws -> VideoID {
        var player = owner
        if player == nil { player = try await makeUser().id }
        let video = newVideo(of: try #require(player))
        try #require(try await videos.create(video, maximumPerPlayer: 1000) == .created)
        try await emptyOutbox()
        return video.id
    }

    func makeProcessedVideo(of owner: UserID? = nil) async throws -> VideoID {
        let video = try await makeVideo(of: owner)
        let token = try await claimed(video)
        try #require(try await commit(video, token) == .done)
        return video
    }

    /// Claims the dispatch for a minute.
    func claimed(_ video: VideoID, dispatch: Int = 1) async throws -> LeaseToken {
        let token: LeaseToken = id()
        let verdict = try await claim(video, dispatch: dispatch, token)
        guard case .granted = verdict else { throw UnexpectedVerdict(text: "\(verdict)") }
        return token
    }

    func claim(_ video: VideoID, dispatch: Int = 1, _ token: LeaseToken) async throws -> ClaimVerdict {
        try await videos.claim(
            Dispatch(video: video, number: dispatch), token: token, lease: .seconds(60), node: id())
    }

    func commit(_ video: VideoID, _ token: LeaseToken, newToken: LeaseToken? = nil) async throws -> GuardedWrite {
        let result = ProcessedResult(
            video: .processedVideo(video), poster: .poster(video), duration: .seconds(30), sizeBytes: 5)
        return try await videos.commit(result, of: video, token: token, newToken: newToken ?? id())
    }

    func fail(
        _ video: VideoID, dispatch: Int, _ token: LeaseToken, newToken: LeaseToken? = nil
    ) async throws -> OwnFailureVerdict {
        try await videos.recordFailure(
            of: Dispatch(video: video, number: dispatch), token: token, newToken: newToken ?? id(),
            reason: .processingFailed, detail: "ffmpeg died", maximumAttempts: 3, delay: .seconds(30))
    }

    func judge(_ video: VideoID, dispatch: Int = 1) async throws -> DeadLetterVerdict {
        try await videos.judge(
            deadLetter: Dispatch(video: video, number: dispatch), newToken: id(), maximumClaims: 3)
    }

    /// The leases that `claimed` took are over.
    func endLeases() async throws { try await elapse(.seconds(61)) }

    func state(of video: VideoID) async throws -> VideoState? { try await videos.video(video)?.state }

    /// Takes what is in the outbox, without holding it.
    func outbox() async throws -> [OutboxEntry] { try await videos.takeOutbox(limit: 100, holdFor: .zero) }

    func emptyOutbox() async throws { try await videos.removeOutbox(try await outbox().map(\.id)) }
}

extension DeliveryRepository {
    func handBack(_ dispatch: Dispatch, token: LeaseToken?, newToken: LeaseToken) async throws(RepositoryError)
        -> GuardedWrite
    {
        try await handBack(dispatch, token: token, newToken: newToken, cause: "drained")
    }
}
