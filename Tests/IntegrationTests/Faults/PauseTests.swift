import Glibc
import Testing

extension Integration.Faults {
    @Suite("SIGSTOP and SIGCONT") struct Pauses {
        @Test("a worker that sleeps past its lease loses its job: one commit, and on waking it stops and clears away")
        func worker() async throws { try await Self.sleepPastTheLease(itsFFmpegEndsMeanwhile: false) }

        static func sleepPastTheLease(itsFFmpegEndsMeanwhile: Bool) async throws {
            let api = try Stage.current.api
            let (cluster, database) = (try Integration.Faults.cluster, try Integration.Faults.database)
            let player = try await api.signUp()
            let tools = try StrangeFFmpeg(.waitsAtTheGate, in: cluster)
            let settings = Integration.Faults.worker
            try await Integration.Faults.with("worker", settings, environment: tools.environment) { sleeper in
                let id = try await api.upload(try await Clips.shared().small, by: player)
                let encoders = try await Integration.Faults.encoders(of: sleeper)
                let holder = try await database.value("claimed_by", of: id)
                sleeper.program.send(SIGSTOP)
                try await Integration.Faults.withWorker { heir in
                    try await untilTrue("the heir takes over", within: Integration.Faults.recovery) {
                        try await database.count("claimed", of: id) == 2
                    }
                    let video = try await api.finished(id, of: player)
                    #expect(video["status"] == "processed")
                    let film = Files.bytes("\(cluster.dataFolder)/objects/processed/\(id).mp4")
                    if itsFFmpegEndsMeanwhile {
                        tools.open()
                        try await Integration.Faults.expectGone(encoders, within: .seconds(20))
                    } else {
                        #expect(encoders.allSatisfy(ProcessTable.isAlive), "ffmpeg does not sleep with its worker")
                    }
                    sleeper.program.send(SIGCONT)
                    try await Integration.Faults.expectGone(encoders)
                    try await untilTrue("the sleeper's temporary files are gone", within: .seconds(2)) {
                        cluster.temporaryFiles == []
                    }
                    try await Integration.Faults.expectProcessedOnce(id, by: player)
                    #expect(try await database.value("claimed_by", of: id) != holder)
                    #expect(Files.bytes("\(cluster.dataFolder)/objects/processed/\(id).mp4") == film)
                    // What was published is what the commit tells of.
                    let size = try await database.value("processed_size_bytes", of: id)
                    #expect(size == film.map { String($0.count) })
                    await heir.program.stop()
                }
                guard !itsFFmpegEndsMeanwhile else { return }
                tools.open()
                let next = try await api.upload(try await Clips.shared().small, by: player)
                try await Integration.Faults.expectProcessedOnce(next, by: player)
                #expect(sleeper.program.ending == nil)
            }
        }

        @Test("an API node that wakes shows the ranking of the others within a second")
        func apiNode() async throws {
            let api = try Stage.current.api
            let player = try await api.signUp(first: "Dora", last: "Mida", city: "Puerto Carreño")
            let voters = [try await api.signUp(), try await api.signUp()]
            let id = try await Integration.Faults.withWorker { _ in
                let id = try await api.upload(try await Clips.shared().small, by: player)
                #expect(try await api.finished(id, of: player)["status"] == "processed")
                return id
            }
            func votes(_ api: API) async throws -> JSON? {
                try await api.ranking(city: "puerto%20carreno").first?["votes"]
            }
            #expect(try await api.vote(id, by: voters[0]).status == 200)
            try await Integration.Faults.with("api") { sleeper in
                #expect(try await votes(sleeper.api) == 1)
                sleeper.program.send(SIGSTOP)
                #expect(try await api.vote(id, by: voters[1]).status == 200)
                #expect(try await votes(api) == 2)
                sleeper.program.send(SIGCONT)
                try await untilTrue("the sleeper shows the vote", within: .seconds(1)) {
                    try await votes(sleeper.api) == 2
                }
            }
        }
    }
}
