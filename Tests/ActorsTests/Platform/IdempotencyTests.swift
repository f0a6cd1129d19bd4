import Actors
import Testing

/// Requests under an idempotency key, as upload and vote take them.
struct IdempotencyTests {
    private static func key(_ text: String, _ route: IdempotencyKey.Route = .upload) throws -> IdempotencyKey {
        try #require(IdempotencyKey(text, of: id(1), route: route))
    }

    @Test("a key is 1 to 255 visible ASCII characters")
    func keys() {
        for text in ["a", "7c9e6679-7425", String(repeating: "k", count: 255), "\"quoted\""] {
            #expect(IdempotencyKey(text, of: id(1), route: .vote) != nil, "\(text)")
        }
        for text in ["", " ", "a b", "ñ", "a\n", String(repeating: "k", count: 256)] {
            #expect(IdempotencyKey(text, of: id(1), route: .vote) == nil, "\(text)")
        }
    }

    @Test("a verdict is remembered whole")
    func verdicts() {
        for verdict in [VoteVerdict.accepted(player: id(3)), .unknownVideo, .notProcessed, .ownVideo, .alreadyVoted] {
            #expect(VoteVerdict(text: verdict.text) == verdict)
        }
        #expect(VoteVerdict(text: "accepted") == nil)
    }

    @Test("an upload that comes again is answered as the first, and is not taken in")
    func repeated() throws {
        let stage = UploadStage()
        let coordinator = stage.coordinator()
        let key = try Self.key("k")
        let first = stage.receive(SourceDouble(), under: key, by: coordinator)
        let id = try #require(stage.created.value.first?.id)
        #expect(first.value == .returned("\(id)"))
        #expect(stage.receive(SourceDouble(), under: key, by: coordinator).value == .returned("\(id)"))
        #expect(stage.created.value.count == 1)
        let other = SourceDouble(onDeliver: { "otro" })
        #expect(stage.receive(other, under: key, by: coordinator).value == .threw(.keyReused))
        let fresh = stage.receive(other, under: try Self.key("k2"), by: coordinator)
        #expect(stage.created.value.count == 2 && fresh.value == .returned("\(stage.created.value[1].id)"))
        #expect(try stage.world.value { await coordinator.inProgress } == 0)
    }

    @Test("while the first is under way, a second is told so")
    func inProgress() throws {
        let stage = UploadStage()
        let coordinator = stage.coordinator()
        let gate = Gate()
        let slow = SourceDouble(onDeliver: {
            await gate.pass()
            return "title"
        })
        let first = stage.receive(slow, under: try Self.key("k"), by: coordinator)
        #expect(stage.receive(SourceDouble(), under: try Self.key("k"), by: coordinator).value == .threw(.inProgress))
        // Longer than a hold: it is renewed.
        stage.world.advance(.seconds(200))
        #expect(!first.isOver)
        gate.open()
        stage.world.settle()
        #expect(first.isOver)
    }

    @Test("a refusal by a rule is remembered; an upload that broke off leaves its key free")
    func refusals() throws {
        let stage = UploadStage()
        let coordinator = stage.coordinator()
        let blank = SourceDouble(onDeliver: { "  " })
        let key = try Self.key("k")
        #expect(stage.receive(blank, under: key, by: coordinator).value == .threw(.titleRefused(.blank)))
        #expect(stage.receive(blank, under: key, by: coordinator).value == .returned("blank"))
        let broken = SourceDouble(onDeliver: { () async throws(UploadError) -> String in throw .interrupted })
        let second = try Self.key("k2")
        #expect(stage.receive(broken, under: second, by: coordinator).value == .threw(.interrupted))
        #expect(stage.keys.count == 1)
        _ = stage.receive(SourceDouble(), under: second, by: coordinator)
        #expect(stage.created.value.count == 1)
    }

    @Test("a request whose place was taken leaves no original behind")
    func superseded() throws {
        var stage = UploadStage()
        stage.videos.onCreate = { _ in .superseded }
        let upload = stage.receive(SourceDouble(), under: try Self.key("k"), by: stage.coordinator())
        #expect(upload.value == .threw(.inProgress))
        #expect(stage.journal.entries.contains("delete 1 original"))
    }
}
