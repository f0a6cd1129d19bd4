import Glibc
import Testing

extension Integration.Faults {
    @Suite("a broken ffmpeg") struct BrokenTools {
        @Test("an ffmpeg that hangs is ended at the deadline, tried again after a wait, and then the video has failed")
        func hangs() async throws {
            let api = try Stage.current.api
            let (cluster, database) = (try Integration.Faults.cluster, try Integration.Faults.database)
            let player = try await api.signUp()
            let tools = try StrangeFFmpeg(.hangs, in: cluster)
            let settings = Integration.Faults.worker + ["worker.attemptDeadlineSeconds=5"]
            try await Integration.Faults.with("worker", settings, environment: tools.environment) { worker in
                let id = try await api.upload(try await Clips.shared().small, by: player)
                let encoders = try await Integration.Faults.encoders(of: worker)
                #expect(try await api.video(id, of: player)["status"] == "processing")
                // The deadline, and what a busy machine adds.
                try await Integration.Faults.expectGone(encoders, within: .seconds(8))
                let video = try await api.finished(id, of: player, within: .seconds(40))
                #expect(video["status"] == "failed")
                #expect(video["failure_reason"]?.text?.contains("tardó demasiado") == true, "\(video)")
                #expect(video["processed_url"] == JSON.null)
                let attempt = ["claimed", "retried"]
                #expect(try await database.events(of: id) == ["uploaded"] + attempt + attempt + ["claimed", "failed"])
                // 1 s, and up to a fifth of it.
                let waits = try await database.texts(
                    "SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY id))::text FROM video_events"
                        + " WHERE video_id = '\(id)' AND kind IN ('claimed', 'retried') ORDER BY id OFFSET 2")
                #expect(waits.compactMap { Double($0) }.allSatisfy { $0 > 0.95 }, "\(waits)")
                try await untilTrue("the message is a dead letter", within: .seconds(10)) {
                    try await database.deadLetters(of: id) == 1
                }
                try await Integration.Faults.expectNothingLeft(of: id)
                #expect(cluster.objects.filter { $0.contains(id) } == ["/original/\(id).mp4"])
                #expect(worker.program.ending == nil)
            }
        }

        @Test("an encode clearly shorter than its clip is a failure that the player can act on")
        func cutsTheEncode() async throws {
            let api = try Stage.current.api
            let (cluster, database) = (try Integration.Faults.cluster, try Integration.Faults.database)
            let player = try await api.signUp()
            let tools = try StrangeFFmpeg(.cutsTheEncode, in: cluster)
            try await Integration.Faults.with("worker", Integration.Faults.worker, environment: tools.environment) {
                _ in
                let id = try await api.upload(try await Clips.shared().long, by: player)
                let video = try await api.finished(id, of: player)
                #expect(video["status"] == "failed")
                #expect(video["failure_reason"]?.text?.contains("incompleto") == true, "\(video)")
                #expect(try await database.events(of: id) == ["uploaded", "claimed", "failed"])
                try await Integration.Faults.expectNothingLeft(of: id)
                #expect(cluster.objects.filter { $0.contains(id) } == ["/original/\(id).mp4"])
            }
        }

        @Test("a published clip that would end early is made again, and fails when that does not help")
        func cutsTheJoin() async throws {
            let api = try Stage.current.api
            let (cluster, database) = (try Integration.Faults.cluster, try Integration.Faults.database)
            let player = try await api.signUp()
            let tools = try StrangeFFmpeg(.cutsTheJoin, in: cluster)
            let settings = ["queue.leaseSeconds=6", "worker.firstRetrySeconds=0", "worker.laterRetrySeconds=0"]
            try await Integration.Faults.with("worker", settings, environment: tools.environment) { _ in
                let id = try await api.upload(try await Clips.shared().small, by: player)
                let video = try await api.finished(id, of: player)
                #expect(video["status"] == "failed")
                #expect(video["failure_reason"]?.text?.contains("varios intentos") == true, "\(video)")
                try await untilTrue("the message is a dead letter", within: .seconds(10)) {
                    try await database.deadLetters(of: id) == 1
                }
                #expect(try await database.value("attempts", of: id) == "3")
                try await Integration.Faults.expectNothingLeft(of: id)
                #expect(cluster.objects.filter { $0.contains(id) } == ["/original/\(id).mp4"])
            }
        }
    }
}
