import Actors

/// A coordinator between doubles that note what it asks of them. Change a double before `coordinator` is asked for.
struct UploadStage {
    let world = World()
    let journal = Journal()
    let wake = Signal()
    let keys = KeysDouble()
    var maximumUploads = 2
    var videos = VideosDouble()
    var store = StoreDouble()
    var probe = ProbeDouble()
    var workspaces: WorkspacesDouble
    let created = Box<[NewVideo]>([])

    init() {
        let (journal, created, keys) = (journal, created, keys)
        workspaces = WorkspacesDouble(journal: journal)
        store.onPut = { key in await journal.note(key.name.hasPrefix("original/") ? "put original" : "put \(key)") }
        store.onDelete = { keys in await journal.note("delete \(keys.count) original") }
        videos.onCreate = { video in
            created.change { $0.append(video) }
            await journal.note("create row")
            if let answer = video.answerOnce {
                keys.keep(answer.token, answer.remembered.answer, answer.remembered.payload)
            }
            return .created
        }
    }

    func coordinator() -> UploadCoordinator {
        UploadCoordinator(
            maximumUploads: maximumUploads, policy: UploadPolicy(contest: ContestPolicy()), videos: videos,
            gateway: store.gateway(world), probe: probe, workspaces: workspaces,
            keys: .double(keys, in: world), outboxWake: wake,
            ids: IdentifierSource(random: SeededRandom()), clock: world.clock, random: FixedRandom(value: 0),
            logger: .quiet)
    }

    typealias Ending = Outcome<VideoID, UploadError>

    /// One upload, as far as it comes without time.
    func receive(_ source: SourceDouble = SourceDouble(), by coordinator: UploadCoordinator? = nil) -> Running<Ending> {
        let coordinator = coordinator ?? self.coordinator()
        return world.start { await outcome { try await coordinator.receive(source, from: id(1)).id } }
    }

    /// The same under a key; the outcome's words are the video's id or the refusal's name.
    func receive(_ source: SourceDouble, under key: IdempotencyKey, by coordinator: UploadCoordinator)
        -> Running<Outcome<String, UploadError>>
    {
        world.start {
            await outcome {
                try await coordinator.receive(source, under: key) {
                    switch $0 {
                    case .success(let accepted): "\(accepted.id)"
                    case .failure(.titleRefused(let refusal)): "\(refusal)"
                    case .failure: nil
                    }
                }
            }
        }
    }

    /// Whether the relay was woken.
    func woken() -> Bool {
        wake.finish()
        let wake = wake
        return world.start { () -> Bool in
            for await _ in wake.elements { return true }
            return false
        }.value ?? false
    }
}
