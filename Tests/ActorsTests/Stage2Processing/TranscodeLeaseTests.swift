import Actors
import Testing

struct TranscodeLeaseTests {
    @Test("a heartbeat extends the message, then the lease, each third of it")
    func heartbeat() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        let test = stage.deliver()
        stage.world.advance(.milliseconds(39_999))
        #expect(!stage.journal.contains("extend"))
        stage.world.advance(.milliseconds(1))
        #expect(Array(stage.journal.entries.suffix(2)) == ["extend", "heartbeat"])
        stage.world.advance(.seconds(200))
        #expect(stage.journal.count(of: "heartbeat") == 6)
        #expect(test.permits.taken == 1)
    }

    @Test("a refused heartbeat stops the work: nothing is published, no message deleted")
    func lost() throws {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        stage.videos.onHeartbeat = { _, _, _ in .lost }
        let test = stage.deliver()
        stage.world.advance(.seconds(40))
        #expect(stage.journal.contains("transcode cancelled"))
        #expect(!stage.put && !stage.deleted && !stage.journal.contains("commit"))
        #expect(!stage.journal.contains("hand back"))
        #expect(stage.journal.contains("workspace discarded"))
        #expect(test.permits.taken == 0)
        #expect(try stage.events().isEmpty)
    }

    @Test("the queue's refusal to extend is no loss of the lease")
    func queueRefuses() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        stage.queue.onExtend = { _ throws(JobQueueError) in throw .staleReceipt }
        _ = stage.deliver()
        stage.world.advance(.seconds(400))
        #expect(!stage.journal.contains("transcode cancelled"))
        #expect(stage.journal.count(of: "heartbeat") == 10)
    }

    @Test("a database that is silent to the lease's end stops the work before it, and gets the job back later")
    func silence() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        let isAway = Box(true)
        stage.videos.onHeartbeat = { _, _, _ throws(RepositoryError) in throw away }
        stage.videos.onHandBack = { [journal = stage.journal] _ throws(RepositoryError) in
            if isAway.value { throw away }
            await journal.note("hand back")
            return .done
        }
        _ = stage.deliver()
        stage.world.advance(.milliseconds(94_999))
        #expect(!stage.journal.contains("transcode cancelled"))
        stage.world.advance(.milliseconds(1))
        #expect(stage.journal.contains("transcode cancelled"))
        let extensions = stage.journal.count(of: "extend")
        stage.world.advance(.seconds(300))
        #expect(stage.journal.count(of: "extend") >= extensions + 6, "the message must stay invisible meanwhile")
        #expect(!stage.deleted)
        isAway.set(false)
        stage.world.advance(.seconds(5))
        #expect(Array(stage.journal.entries.suffix(2)) == ["hand back", "delete message r1"])
    }

    @Test("progress is written at most once a second, and never goes back")
    func progress() {
        var stage = WorkerStage()
        let gate = Gate()
        let report = Box<(@Sendable (Int) -> Void)?>(nil)
        stage.transcoder.onTranscode = { progress in
            report.set(progress)
            await gate.pass()
        }
        let written = Box<[Int]>([])
        stage.videos.onHeartbeat = { _, _, percent in
            written.change { $0.append(percent) }
            return .done
        }
        _ = stage.deliver()
        for percent in [1, 2, 3] {
            report.value?(percent)
            stage.world.settle()
        }
        #expect(written.value == [1])
        stage.world.advance(.seconds(1))
        #expect(written.value == [1, 3])
        report.value?(2)
        stage.world.advance(.seconds(2))
        #expect(written.value == [1, 3])
        gate.open()
        stage.world.settle()
        #expect(stage.deleted)
    }

    @Test("a video deleted elsewhere stops its work at once")
    func recheck() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        let verdict = Box(GuardedWrite.done)
        stage.videos.onHeartbeat = { _, _, _ in verdict.value }
        let test = stage.deliver()
        stage.world.start { await test.supervisor.recheckAll() }
        #expect(!stage.journal.contains("transcode cancelled"))
        verdict.set(.lost)
        stage.world.start { await test.supervisor.recheckAll() }
        #expect(stage.journal.contains("transcode cancelled"))
        #expect(test.permits.taken == 0)
        #expect(!stage.deleted)
    }

    @Test("a drain lets the work run for its grace, then hands it back, and ends")
    func drain() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        let test = stage.deliver()
        test.deliveries.finish()
        stage.world.advance(.milliseconds(29_999))
        #expect(!stage.journal.contains("transcode cancelled"))
        stage.world.advance(.milliseconds(1))
        #expect(Array(stage.journal.entries.suffix(2)) == ["hand back", "delete message r1"])
        stage.world.advance(.milliseconds(500))
        #expect(test.run.isOver)
    }

    @Test("a drain that finds the work done within the grace does not wait for the rest of it")
    func quickDrain() {
        var stage = WorkerStage()
        let gate = Gate()
        stage.transcoder.onTranscode = transcoding(until: gate, stage.journal)
        let test = stage.deliver()
        test.deliveries.finish()
        stage.world.advance(.seconds(3))
        #expect(!test.run.isOver)
        gate.open()
        stage.world.settle()
        #expect(stage.deleted)
        #expect(test.run.isOver)
    }

    @Test("a drain ends in time though the database is away: the job comes back by its lease")
    func drainWithoutDatabase() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        stage.videos.onHandBack = { _ throws(RepositoryError) in throw away }
        let test = stage.deliver()
        test.deliveries.finish()
        stage.world.advance(.seconds(35))
        #expect(test.run.isOver)
        #expect(!stage.deleted)
    }

    @Test("a drain while the claim is unanswered hands back under the token, then as unclaimed")
    func drainDuringClaim() {
        var stage = WorkerStage()
        stage.settings.drainGrace = .seconds(1)
        stage.videos.onClaim = { _, _ throws(RepositoryError) in throw away }
        stage.videos.onHandBack = { [journal = stage.journal] token in
            await journal.note(token == nil ? "hand back unclaimed" : "hand back")
            return token == nil ? .done : .lost
        }
        let test = stage.deliver()
        test.deliveries.finish()
        stage.world.advance(.seconds(7))
        #expect(stage.journal.entries == ["hand back", "hand back unclaimed", "delete message r1"])
        #expect(test.run.isOver)
    }

    @Test("a node that is cancelled touches nothing, as after a crash")
    func crash() {
        var stage = WorkerStage()
        stage.transcoder.onTranscode = transcoding(until: Gate(), stage.journal)
        let test = stage.deliver()
        test.run.cancel()
        stage.world.settle()
        #expect(test.run.isOver)
        #expect(stage.journal.contains("transcode cancelled"))
        #expect(!stage.journal.contains("hand back") && !stage.deleted)
    }
}
