import Testing

extension Integration.Faults {
    @Suite("back-pressure") struct BackPressure {
        /// Messages that a receive hides at this moment, and claims that stand.
        private static let sample = """
            SELECT (SELECT count(*) FROM queue_messages WHERE queue = '\(ClusterDatabase.jobs)' AND receipt IS NOT NULL
                AND visible_at > now()) * 1000
            + (SELECT count(*) FROM videos WHERE state = 1 AND lease_until > now())
            """

        @Test("with many clips waiting no worker of one slot holds a message that it does not work on")
        func clips() async throws { try await Self.expectHeldIsWorkedOn(clips: 12, processed: 4) }

        static func expectHeldIsWorkedOn(clips count: Int, processed: Int) async throws {
            let api = try Stage.current.api
            let database = try Integration.Faults.database
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            for _ in 0..<count { _ = try await api.upload(clips.small, by: player) }
            try await Integration.Faults.withWorker { _ in
                try await Integration.Faults.withWorker { _ in
                    let counted = try await watch(workers: 2, until: processed, of: player)
                    #expect(counted > 30, "too few samples to mean anything")
                    #expect(try await api.call("DELETE", "/api/auth", token: player.token).status == 204)
                    try await untilTrue("the rest is gone", within: Integration.Faults.recovery) {
                        try await database.number(
                            "SELECT count(*) FROM queue_messages WHERE queue = '\(ClusterDatabase.jobs)'") == 0
                    }
                }
            }
        }

        /// Samples until so many videos are processed.
        /// - Returns: the number of samples.
        private static func watch(workers: Int, until processed: Int, of player: API.Player) async throws -> Int {
            let database = try Integration.Faults.database
            var samples = 0
            var idleSince: ContinuousClock.Instant?
            try await untilTrue("\(processed) clips are processed", within: .seconds(20 + processed * 3)) {
                let sample = try await database.number(sample)
                let (held, running) = (sample / 1000, sample % 1000)
                samples += 1
                #expect(held <= workers, "\(held) messages are held by \(workers) workers of one slot")
                // Between a receive and its claim, and between a commit and the deletion, for moments only.
                let now = ContinuousClock.now
                if held > running { idleSince = idleSince ?? now } else { idleSince = nil }
                if let idleSince, now - idleSince > .seconds(2) {
                    Issue.record("\(held) messages are held for \(running) jobs for \(now - idleSince)")
                    return true
                }
                return try await database.number(
                    "SELECT count(*) FROM videos WHERE state = 2 AND owner_id = '\(player.id)'") >= processed
            }
            return samples
        }

        @Test("an upload beyond http.maxUploads is 503 at once, and the client can read it in mid-upload")
        func uploads() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            try await Integration.Faults.with("api", ["http.maxUploads=2"]) { node in
                let open = [
                    try await OpenUpload(clips.small, to: node, by: player),
                    try await OpenUpload(clips.small, to: node, by: player),
                ]
                let body = [UInt8](repeating: 7, count: 30_000_000)
                let start = ContinuousClock.now
                let third = try RawConnection(port: node.port)
                _ = try await third.send(
                    "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(player.token)\r\n"
                        + "Content-Type: multipart/form-data; boundary=\(MultipartForm.boundary)\r\n"
                        + "Content-Length: \(body.count)\r\n\r\n")
                // A third of it only: the answer does not wait for the rest.
                _ = try await third.send(MultipartForm.head(of: .file([])) + Array(body.prefix(10_000_000)))
                try await third.receive(within: .seconds(5)) { $0.contains("\"message\"") }
                #expect(third.text.hasPrefix("HTTP/1.1 503"), "\(third.text.prefix(300))")
                #expect(third.text.lowercased().contains("\r\nretry-after: "))
                #expect(ContinuousClock.now - start < .seconds(3), "not at once")
                for upload in open { #expect(try await upload.finish().hasPrefix("HTTP/1.1 201")) }
                let id = try await node.api.upload(clips.small, by: player)
                #expect(try await node.api.video(id, of: player)["status"] == "uploaded")
            }
            #expect(try await api.call("DELETE", "/api/auth", token: player.token).status == 204)
        }
    }
}
