import Actors

/// What people see of videos and users.
extension FakeDatabase {
    func video(_ id: VideoID) -> Video? { videos[id].map(video) }

    func videos(of owner: UserID) -> [Video] {
        sortedVideos.filter { $0.video.owner == owner }.map(video)
    }

    func publicVideos(_ query: PublicVideoQuery) -> PublicVideoPage {
        let all = sortedVideos.filter { $0.state == .processed }.compactMap { row -> PublicVideo? in
            guard let owner = users[row.video.owner]?.user else { return nil }
            if let city = query.city, FoldedText(owner.city) != city { return nil }
            return PublicVideo(video: video(row), username: owner.username, city: owner.city)
        }
        let newestFirst = Array(all.reversed())
        let sorted =
            switch query.sort {
            case .recent: newestFirst
            case .votes:
                newestFirst.enumerated().sorted {
                    ($1.element.video.votes, $0.offset) < ($0.element.video.votes, $1.offset)
                }.map(\.element)
            }
        return PublicVideoPage(videos: Array(sorted.dropFirst(query.skip).prefix(query.limit)), total: all.count)
    }

    /// An original is needed while its row stands, a result once its row says processed or may yet say so. Names that
    /// this system does not make are somebody else's.
    func orphans(among keys: [ObjectKey]) -> [ObjectKey] {
        keys.filter { key in
            guard let id = video(of: key) else { return false }
            guard let row = videos[id] else { return true }
            if key == row.video.original.key || key == row.result?.video || key == row.result?.poster { return false }
            return row.state.isTerminal || !key.name.hasPrefix(ObjectPrefix.processed.rawValue)
        }
    }

    private func video(of key: ObjectKey) -> VideoID? {
        if let known = videosOfKeys[key] { return known }
        let video = key.video
        videosOfKeys[key] = video
        return video
    }

    func create(_ user: NewUser) -> CreateUserVerdict {
        if let known = users[user.id] { return .created(known.user) }
        guard account(email: user.email) == nil else { return .emailTaken }
        let taken = usersInOrder.compactMap { users[$0]?.user.username }
        var username = user.usernameBase
        var number = 2
        while taken.contains(username) {
            username = "\(user.usernameBase)\(number)"
            number += 1
        }
        let made = User(
            id: user.id, firstName: user.firstName, lastName: user.lastName, email: user.email, city: user.city,
            country: user.country, username: username, isActive: true, createdAt: SimulatedWallClock.date(now))
        users[user.id] = Account(user: made, passwordHash: user.passwordHash)
        usersInOrder.append(user.id)
        invariants.introduce(user.id, as: user.firstName)
        return .created(made)
    }

    /// For a timeline.
    func text(_ request: VoteRequest) -> String {
        let player = videos[request.video].map { " of \(invariants.name($0.video.owner))" } ?? ""
        return "\(invariants.name(request.voter)) for \(invariants.label(request.video))\(player)"
    }

    func account(email: EmailAddress) -> Account? {
        usersInOrder.lazy.compactMap { self.users[$0] }.first { $0.user.email.folded == email.folded }
    }

    func player(_ id: UserID) -> RankedPlayer? {
        users[id].map { RankedPlayer(id: id, username: $0.user.username, city: $0.user.city) }
    }

    private func video(_ row: VideoRow) -> Video {
        Video(
            id: row.video.id, owner: row.video.owner, title: row.video.title, original: row.video.original,
            state: row.state, uploadedAt: SimulatedWallClock.date(row.createdAt),
            processedAt: row.processedAt.map(SimulatedWallClock.date), progressPercent: row.progressPercent,
            failure: row.failure, votes: votes.count(for: row.video.id))
    }
}
