import Actors
import Testing

struct TranscodeAttemptTests {
    @Test("a message of unknown format is left alone, and its slot is free again")
    func unknownFormat() {
        let stage = WorkerStage()
        let test = stage.deliver(job: false)
        #expect(stage.journal.entries.isEmpty)
        #expect(test.permits.taken == 0)
    }

    @Test("a message whose job is done, gone or newer is deleted without work")
    func obsolete() {
        var stage = WorkerStage()
        stage.videos.onClaim = { _, _ in .obsolete }
        let test = stage.deliver()
        #expect(stage.journal.entries == ["delete message r1"])
        #expect(test.permits.taken == 0)
    }

    @Test("a job that another worker holds is left alone")
    func leased() {
        var stage = WorkerStage()
        stage.videos.onClaim = { _, _ in .leased }
        let test = stage.deliver()
        #expect(stage.journal.entries.isEmpty)
        #expect(test.permits.taken == 0)
    }

    @Test("a clip goes from claim to publication in order, and the message is deleted last")
    func commits() throws {
        let stage = WorkerStage()
        let test = stage.deliver()
        #expect(
            stage.journal.entries == [
                "claim", "workspace made", "fetch original/\(WorkerStage.video).mp4", "transcode",
                "put processed/\(WorkerStage.video).jpg", "put processed/\(WorkerStage.video).mp4", "commit",
                "workspace discarded", "delete message r1",
            ])
        #expect(test.permits.taken == 0)
        #expect(try stage.events() == [.taskFinished(duration: .zero)])
    }

    @Test("a claim without an answer is asked for again under the same token")
    func claimRepeated() {
        var stage = WorkerStage()
        let tokens = Box<[LeaseToken]>([])
        stage.videos.onClaim = { _, token throws(RepositoryError) in
            let count = tokens.change { tokens in
                tokens.append(token)
                return tokens.count
            }
            if count == 1 { throw away }
            return .obsolete
        }
        _ = stage.deliver()
        stage.world.advance(.seconds(1))
        #expect(tokens.value.count == 2)
        #expect(Set(tokens.value).count == 1)
        #expect(stage.deleted)
    }

    @Test("a claim that comes late extends the message first")
    func lateClaim() {
        var stage = WorkerStage()
        let replies = Box(0)
        let (clock, journal) = (stage.world.clock, stage.journal)
        let start = clock.now
        stage.videos.onClaim = { _, _ throws(RepositoryError) in
            replies.change { $0 += 1 }
            if start.duration(to: clock.now) < .seconds(20) { throw away }
            await journal.note("claim answered")
            return .leased
        }
        _ = stage.deliver()
        stage.world.advance(.seconds(30))
        #expect(stage.journal.entries == ["extend", "claim answered"])
    }

    @Test("an unusable clip is rejected with its reason, then the message is deleted; nothing is published")
    func unusable() throws {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = { _ throws(TranscodeError) in throw .unusable(.cutShort) }
        _ = stage.deliver()
        #expect(Array(stage.journal.entries.suffix(2)) == ["reject cut_short", "delete message r1"])
        #expect(!stage.put)
        #expect(try stage.events() == [.taskFailed])
    }

    @Test("a rejection without an answer is repeated before the message is deleted")
    func rejectRepeated() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = { _ throws(TranscodeError) in throw .unusable(.corrupt) }
        let replies = Replies<Result<GuardedWrite, RepositoryError>>(.failure(away), .success(.done))
        stage.videos.onReject = { _ throws(RepositoryError) in try replies.next().get() }
        _ = stage.deliver()
        #expect(!stage.deleted)
        stage.world.advance(.seconds(1))
        #expect(stage.deleted)
    }

    @Test(
        "a failed attempt is recorded with the delay of its turn, and up to a fifth more",
        arguments: [(0, 30.0), (1, 120.0), (5, 120.0)])
    func failed(_ attempts: Int, _ seconds: Double) throws {
        var stage = WorkerStage()
        stage.videos.onClaim = { dispatch, token in
            .granted(
                ClaimedJob(
                    dispatch: dispatch, token: token, original: original(of: dispatch.video), attempts: attempts,
                    waited: .zero))
        }
        stage.transcoder.onTranscode = { _ throws(TranscodeError) in throw .failed(detail: "killed") }
        let recorded = Box<[Duration]>([])
        stage.videos.onRecordFailure = { reason, delay in
            recorded.change { $0.append(delay) }
            return .retried(attempts: attempts + 1)
        }
        _ = stage.deliver()
        #expect(recorded.value == [.seconds(seconds)])
        #expect(stage.deleted)
        #expect(try stage.events() == [.taskRetried])
    }

    @Test("the last failure is told as a failure")
    func lastFailure() throws {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = { _ throws(TranscodeError) in throw .failed(detail: "killed") }
        stage.videos.onRecordFailure = { _, _ in .failed }
        _ = stage.deliver()
        #expect(stage.deleted)
        #expect(try stage.events() == [.taskFailed])
    }

    @Test("a failure that the database refuses leaves the message to whoever claims it next")
    func refusedFailure() throws {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = { _ throws(TranscodeError) in throw .failed(detail: "killed") }
        stage.videos.onRecordFailure = { _, _ in .lost }
        let test = stage.deliver()
        #expect(!stage.deleted)
        #expect(test.permits.taken == 0)
        #expect(try stage.events().isEmpty)
    }

    @Test("a missing original is a failed attempt, a store that is away is not: the job is handed back")
    func store() {
        for (error, write) in [
            (ObjectStoreError.notFound(ObjectKey("x")), "record failure processing_failed"),
            (.unavailable("503"), "hand back"), (.rejected("403"), "hand back"),
        ] {
            var stage = WorkerStage()
            stage.store.onFetch = { _ throws(ObjectStoreError) in throw error }
            let test = stage.deliver()
            stage.world.advance(.seconds(60))
            #expect(stage.journal.contains(write), "\(error)")
            #expect(!stage.journal.contains("transcode") && stage.deleted)
            #expect(test.permits.taken == 0)
        }
    }

    @Test("a result that cannot be stored is handed back, never committed")
    func resultNotStored() {
        var stage = WorkerStage()
        stage.store.onPut = { _ throws(ObjectStoreError) in throw .full }
        _ = stage.deliver()
        #expect(Array(stage.journal.entries.suffix(2)) == ["hand back", "delete message r1"])
        #expect(!stage.journal.contains("commit"))
    }

    @Test("a slot stays taken for a while after an interruption, so that a sick store is not hammered")
    func pauses() {
        var stage = WorkerStage()
        stage.store.onPut = { _ throws(ObjectStoreError) in throw .full }
        let test = stage.deliver()
        stage.world.advance(.milliseconds(4900))
        #expect(test.permits.taken == 1)
        stage.world.advance(.milliseconds(200))
        #expect(test.permits.taken == 0)
    }

    @Test("a hung transcode ends at the attempt's deadline as a failure")
    func deadline() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        _ = stage.deliver()
        stage.world.advance(.seconds(899))
        #expect(!stage.journal.contains("transcode cancelled"))
        stage.world.advance(.seconds(1))
        #expect(stage.journal.contains("transcode cancelled"))
        #expect(Array(stage.journal.entries.suffix(2)) == ["record failure timed_out", "delete message r1"])
    }

    @Test("a transcode that never began by its deadline is handed back: the clip had no chance")
    func deadlineInTheLine() {
        var stage = WorkerStage()
        stage.transcoder.begins = false
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        _ = stage.deliver()
        stage.world.advance(.seconds(900))
        #expect(stage.journal.contains("hand back"))
        #expect(!stage.journal.entries.contains { $0.hasPrefix("record failure") })
    }

    @Test("a commit without an answer is asked for again")
    func commitRepeated() {
        var stage = WorkerStage()
        let replies = Replies<Result<GuardedWrite, RepositoryError>>(.failure(away), .failure(away), .success(.done))
        stage.videos.onCommit = { _, _ throws(RepositoryError) in try replies.next().get() }
        _ = stage.deliver()
        #expect(!stage.deleted)
        stage.world.advance(.seconds(5))
        #expect(stage.deleted)
        #expect(!stage.journal.contains("hand back"))
    }

    @Test("a commit that the database refuses deletes no message")
    func commitLost() throws {
        var stage = WorkerStage()
        stage.videos.onCommit = { _, _ in .lost }
        let test = stage.deliver()
        #expect(!stage.deleted)
        #expect(test.permits.taken == 0)
        #expect(try stage.events().isEmpty)
    }
}
