import Glibc
import Testing

extension Integration {
    @Suite("rolling restarts, long", .serialized, FaultStage()) struct LongRestarts {
        @Test(
            "ten rolling restarts of all workers during fifty transcodes: none failed, no dead letter, one commit each")
        func rolling() async throws {
            let api = try Stage.current.api
            let (cluster, database) = (try Faults.cluster, try Faults.database)
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            for _ in 0..<50 { _ = try await api.upload(clips.fullHD60, by: player) }
            // The one hands back at once, the other may finish what it has.
            let settings = ["0", "4"].map { Faults.worker + ["drain.graceSeconds=\($0)"] }
            var workers: [ClusterNode] = []
            for settings in settings { workers.append(try await cluster.start("worker", settings)) }
            let processed = "SELECT count(*) FROM videos WHERE state = 2"
            for round in 0..<10 {
                // Spread over the whole work, each in the midst of a transcode.
                try await untilTrue("\(round * 4) clips are processed", within: .seconds(60)) {
                    try await database.number(processed) >= round * 4
                }
                for index in workers.indices {
                    _ = try await Faults.encoders(of: workers[index])
                    workers[index].program.send(SIGTERM)
                    #expect(try await workers[index].program.end(within: .seconds(10)) == .exited(0))
                    workers[index] = try await cluster.start("worker", settings[index])
                }
            }
            try await untilTrue("all are processed", within: .seconds(240)) {
                try await database.number("SELECT count(*) FROM videos WHERE state >= 2") == 50
            }
            #expect(try await database.number(processed) == 50)
            try await Self.expectEvents(database)
            try await untilTrue("the queues are empty", within: Faults.recovery) {
                try await database.number("SELECT count(*) FROM queue_messages") == 0
            }
            #expect(try await database.number("SELECT count(*) FROM outbox") == 0)
            try await untilTrue("temporary files are gone") { cluster.temporaryFiles == [] }
            #expect(cluster.objects.count == 150)
        }

        /// Nothing but hand-backs between the first claim and the only commit.
        private static func expectEvents(_ database: ClusterDatabase) async throws {
            func count(_ kind: String) async throws -> Int {
                try await database.number("SELECT count(*) FROM video_events WHERE kind = '\(kind)'")
            }
            #expect(
                try await database.number(
                    """
                    SELECT count(*) FROM
                    (SELECT FROM video_events WHERE kind = 'processed' GROUP BY video_id HAVING count(*) = 1) once
                    """) == 50)
            #expect(try await count("processed") == 50)
            let handedBack = try await count("handed_back")
            #expect(handedBack >= 5, "the restarts met no transcodes: \(handedBack)")
            #expect(try await count("claimed") == 50 + handedBack, "a claim ended without a word")
            #expect(try await count("retried") + count("failed") + count("redispatched") == 0)
        }
    }
}
