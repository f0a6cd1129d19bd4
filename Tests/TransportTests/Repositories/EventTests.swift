import Actors
import FoundationEssentials
import Testing
import Transport

extension Repositories {
    @Suite("Events of videos, and what operators ask")
    struct EventTests {
        @Test("each change of a video is one event, with its cause, node and request")
        func story() async throws {
            try await withDatabase { database in
                let node: NodeID = database.id()
                let videos = PostgresVideoRepository(client: database.client, node: node)
                let owner = try await database.makeUser().id
                let new = database.newVideo(of: owner)
                let video = NewVideo(
                    id: new.id, owner: owner, title: "Clip", original: new.original, requestID: "req-1")
                _ = try await videos.create(video, maximumPerPlayer: 10)
                // A repetition is no second event.
                _ = try await videos.create(video, maximumPerPlayer: 10)
                let claim = { (number: Int) -> LeaseToken in
                    let token: LeaseToken = database.id()
                    let verdict = try await videos.claim(
                        Dispatch(video: video.id, number: number), token: token, lease: .seconds(60), node: node)
                    guard case .granted(let job) = verdict else { throw UnexpectedVerdict(text: "\(verdict)") }
                    #expect(job.requestID == "req-1")
                    return token
                }
                let first = try await claim(1)
                _ = try await videos.handBack(
                    Dispatch(video: video.id, number: 1), token: first, newToken: database.id(), cause: "drained")
                let second = try await claim(2)
                _ = try await videos.recordFailure(
                    of: Dispatch(video: video.id, number: 2), token: second, newToken: database.id(),
                    reason: .processingFailed, detail: "ffmpeg died", maximumAttempts: 3, delay: .zero)
                let third = try await claim(3)
                let result = ProcessedResult(
                    video: .processedVideo(video.id), poster: .poster(video.id), duration: .seconds(5), sizeBytes: 1)
                let final: LeaseToken = database.id()
                for _ in 0..<2 { _ = try await videos.commit(result, of: video.id, token: third, newToken: final) }

                let events = try await PostgresOperations(client: database.client).events(of: video.id)
                #expect(
                    events.map(\.kind) == [.uploaded, .claimed, .handedBack, .claimed, .retried, .claimed, .processed])
                #expect(events.map(\.dispatch) == [1, 1, 2, 2, 3, 3, 3])
                #expect(events.map(\.attempts) == [0, 0, 0, 0, 1, 1, 1])
                #expect(events.compactMap(\.cause) == ["drained", "processing_failed: ffmpeg died"])
                #expect(events.allSatisfy { $0.node == node })
                #expect(events.first?.requestID == "req-1")
                #expect(events.map(\.at) == events.map(\.at).sorted())
            }
        }

        @Test("a rejection, a lost worker, a re-dispatch and a deletion are told as well")
        func ends() async throws {
            try await withDatabase { database in
                let operations = PostgresOperations(client: database.client)
                let rejected = try await database.makeVideo()
                let token = try await database.claimed(rejected)
                _ = try await database.videos.reject(
                    rejected, token: token, newToken: database.id(), reason: .corrupt)
                #expect(try await operations.events(of: rejected).last?.cause == "corrupt")

                let lost = try await database.makeVideo()
                for _ in 0..<3 {
                    _ = try await database.claimed(lost)
                    try await database.endLeases()
                }
                #expect(try await database.judge(lost) == .failed)
                let end = try await operations.events(of: lost).last
                #expect(end?.kind == .failed && end?.cause == "worker_lost: 3 claims ended without a word")

                let owner = try await database.makeUser(username: "quiet").id
                let forgotten = try await database.makeVideo(of: owner)
                try await database.sql("UPDATE videos SET moved_at = '-infinity' WHERE id = '\(forgotten)'")
                let ids = database
                _ = try await database.videos.redispatchLost(after: .seconds(100), limit: 10) { ids.id() }
                #expect(try await operations.events(of: forgotten).last?.kind == .redispatched)
                _ = try await database.videos.delete(forgotten, by: owner, requestID: "req-9")
                let deleted = try await operations.events(of: forgotten).last
                #expect(deleted?.kind == .deleted && deleted?.requestID == "req-9")
            }
        }

        @Test("old events are pruned")
        func pruning() async throws {
            try await withDatabase { database in
                let old = try await database.makeVideo()
                try await database.sql("UPDATE video_events SET at = now() - interval '200 seconds'")
                let young = try await database.makeVideo()
                try await database.videos.pruneEvents(olderThan: .seconds(100))
                let operations = PostgresOperations(client: database.client)
                #expect(try await operations.events(of: old).isEmpty)
                #expect(try await operations.events(of: young).count == 1)
            }
        }

        @Test("a redrive gives a failed video a new dispatch with attempts from 0, and leaves others alone")
        func redrive() async throws {
            try await withDatabase { database in
                let operations = PostgresOperations(client: database.client)
                let node: NodeID = database.id()
                let video = try await database.makeVideo()
                for dispatch in 1...3 {
                    _ = try await database.fail(
                        video, dispatch: dispatch, try await database.claimed(video, dispatch: dispatch))
                }
                try await database.emptyOutbox()
                let letters = try await operations.deadLetters(limit: 10)
                #expect(letters.map(\.video) == [video])
                #expect(letters.first?.code == "processing_failed" && letters.first?.attempts == 3)

                let token: LeaseToken = database.id()
                for _ in 0..<2 { #expect(try await operations.redrive(video, newToken: token, node: node)) }
                #expect(try await database.state(of: video) == .uploaded)
                #expect(try await database.column("dispatch", of: video) == 4)
                #expect(try await database.column("attempts + claims", of: video) == 0)
                #expect(try await database.outbox().map(\.dispatch.number) == [4])
                #expect(try await database.judge(video, dispatch: 3) == .delete)
                #expect(try await operations.deadLetters(limit: 10).isEmpty)
                #expect(try await operations.events(of: video).last?.kind == .redriven)
                let processed = try await database.makeProcessedVideo()
                #expect(try await !operations.redrive(processed, newToken: database.id(), node: node))
            }
        }

        @Test("the backlog counts what is unfinished and how long the oldest has waited")
        func backlog() async throws {
            try await withDatabase { database in
                let empty = try await database.videos.backlog()
                #expect(empty.oldestUnfinished == nil && empty.oldestOutbox == nil && empty.transcode == nil)
                let owner = try await database.makeUser().id
                _ = try await database.makeProcessedVideo(of: owner)
                _ = try await database.claimed(try await database.makeVideo(of: owner))
                _ = try await database.videos.create(database.newVideo(of: owner), maximumPerPlayer: 10)
                try await database.sql(
                    """
                    UPDATE video_events e SET at = now() - interval '90 seconds' FROM videos v
                    WHERE v.id = e.video_id AND v.state = 0
                    """)
                try await database.sql("UPDATE outbox SET available_at = now() - interval '70 seconds'")
                let backlog = try await database.videos.backlog()
                #expect(backlog.waiting == 1 && backlog.inWork == 1 && backlog.outbox == 1)
                #expect(try #require(backlog.oldestUnfinished) >= .seconds(90))
                #expect(try #require(backlog.oldestOutbox) >= .seconds(70))
                #expect(try #require(backlog.transcode) < .seconds(60))
            }
        }
    }
}
