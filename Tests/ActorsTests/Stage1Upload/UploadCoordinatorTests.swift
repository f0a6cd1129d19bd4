import Actors
import Testing

struct UploadCoordinatorTests {
    @Test("an upload is spooled, stored, recorded and announced, and its workspace goes")
    func uploads() throws {
        let stage = UploadStage()
        let upload = stage.receive()
        let new = try #require(stage.created.value.first)
        #expect(upload.value == .returned(new.id))
        #expect(stage.journal.entries == ["workspace made", "put original", "create row", "workspace discarded"])
        #expect(new.title == "Mi mejor triple" && new.owner == id(1))
        #expect(
            new.original
                == OriginalObject(
                    key: .original(new.id, fileExtension: "mov"), contentType: "video/quicktime", sizeBytes: 10,
                    sha256: "00", duration: .seconds(20)))
        #expect(stage.woken())
    }

    @Test("uploads beyond the bound are refused, and a place that became free is given again")
    func bounded() throws {
        let stage = UploadStage()
        let coordinator = stage.coordinator()
        let gates = [Gate(), Gate()]
        let slow = gates.map { gate in
            stage.receive(
                SourceDouble(onDeliver: {
                    await gate.pass()
                    return "title"
                }), by: coordinator)
        }
        #expect(stage.receive(by: coordinator).value == .threw(.full))
        #expect(try stage.world.value { await coordinator.inProgress } == 2)
        gates[0].open()
        stage.world.settle()
        #expect(slow[0].isOver)
        let next = try #require(stage.receive(by: coordinator).value)
        guard case .returned = next else {
            Issue.record("\(next)")
            return
        }
        gates[1].open()
        stage.world.settle()
        #expect(try stage.world.value { await coordinator.inProgress } == 0)
    }

    @Test(
        "a client that goes away, a bad form and a blank title leave nothing",
        arguments: [UploadError.interrupted, .malformed([]), .titleRefused(.blank), .titleRefused(.tooLong)])
    func badSource(_ error: UploadError) throws {
        let stage = UploadStage()
        let coordinator = stage.coordinator()
        let source = SourceDouble(onDeliver: { () throws(UploadError) in
            switch error {
            case .titleRefused(.blank): return "  "
            case .titleRefused: return String(repeating: "a", count: 201)
            default: throw error
            }
        })
        #expect(stage.receive(source, by: coordinator).value == .threw(error))
        #expect(stage.journal.entries == ["workspace made", "workspace discarded"])
        #expect(try stage.world.value { await coordinator.inProgress } == 0)
        #expect(!stage.woken())
    }

    @Test("what the probe refuses is refused with its reason and leaves nothing")
    func probe() {
        let allowed = MediaContainer.allCases.map { $0.rawValue.uppercased() }
        for (result, error) in [
            (
                Result<MediaDescription, MediaProbeError>.failure(.notAVideo),
                UploadError.refused(.notAVideo(allowed: allowed))
            ),
            (.failure(.corrupt), .refused(.corrupt)), (.failure(.unavailable("slow")), .unavailable("slow")),
            (
                .success(MediaDescription(container: .mp4, width: 640, height: 480, duration: .milliseconds(500))),
                .refused(.tooShort(seconds: 0.5, minimum: 1))
            ),
        ] {
            var stage = UploadStage()
            stage.probe.result = result
            #expect(stage.receive().value == .threw(error))
            #expect(stage.journal.entries == ["workspace made", "workspace discarded"])
        }
    }

    @Test("an empty file is no video")
    func empty() {
        var stage = UploadStage()
        stage.workspaces.spoolBytes = 0
        let allowed = MediaContainer.allCases.map { $0.rawValue.uppercased() }
        #expect(stage.receive().value == .threw(.refused(.notAVideo(allowed: allowed))))
    }

    @Test("a disk or a store without room is told as full")
    func noRoom() {
        var stage = UploadStage()
        stage.workspaces.isFull = true
        #expect(stage.receive().value == .threw(.full))
        stage = UploadStage()
        stage.store.onPut = { _ throws(ObjectStoreError) in throw .full }
        #expect(stage.receive().value == .threw(.full))
        #expect(stage.journal.entries == ["workspace made", "workspace discarded"])
    }

    @Test("a row that the database refuses takes its original with it")
    func refusedRow() {
        for (verdict, error) in [
            (CreateVideoVerdict.tooManyVideos(maximum: 200), UploadError.tooManyVideos(maximum: 200)),
            (.unknownOwner, .unknownOwner),
        ] {
            var stage = UploadStage()
            stage.videos.onCreate = { _ in verdict }
            #expect(stage.receive().value == .threw(error))
            #expect(
                stage.journal.entries == [
                    "workspace made", "put original", "delete 1 original", "workspace discarded",
                ])
            #expect(!stage.woken())
        }
    }

    @Test("a lost answer is asked for again under the same id")
    func lostAnswer() throws {
        var stage = UploadStage()
        let ids = Box<[VideoID]>([])
        stage.videos.onCreate = { video throws(RepositoryError) in
            let count = ids.change { ids in
                ids.append(video.id)
                return ids.count
            }
            if count == 1 { throw away }
            return .created
        }
        let upload = stage.receive()
        #expect(!upload.isOver)
        stage.world.advance(.seconds(1))
        #expect(ids.value.count == 2)
        #expect(upload.value == .returned(ids.value[0]))
        #expect(ids.value[0] == ids.value[1])
        #expect(stage.woken())
    }

    @Test("without any answer the original stays: the row may exist")
    func noAnswer() {
        var stage = UploadStage()
        let tries = Box(0)
        stage.videos.onCreate = { _ throws(RepositoryError) in
            tries.change { $0 += 1 }
            throw away
        }
        let upload = stage.receive()
        stage.world.advance(.seconds(10))
        #expect(upload.value == .threw(.unavailable("\(away)")))
        #expect(tries.value == UploadCoordinator.maximumTries)
        #expect(stage.journal.entries == ["workspace made", "put original", "workspace discarded"])
    }
}
