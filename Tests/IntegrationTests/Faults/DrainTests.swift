import Glibc
import Testing

extension Integration.Faults {
    @Suite("drain") struct Drains {
        @Test("a node with uploads, votes, a transcode and downloads under way leaves without a wrong answer or a loss")
        func underWay() async throws {
            let shared = try Stage.current.api
            let database = try Integration.Faults.database
            let clips = try await Clips.shared()
            let player = try await shared.signUp(first: "Nidia", last: "Parte", city: "Yavaraté")
            var voters: [API.Player] = []
            for _ in 0..<10 { voters.append(try await shared.signUp()) }
            let tools = try StrangeFFmpeg(.waitsAtTheGate, in: try Integration.Faults.cluster)
            tools.open()
            let settings = ["drain.noticeSeconds=3", "drain.graceSeconds=8", "queue.leaseSeconds=60"]
            let job = try await Integration.Faults.with("all", settings, environment: tools.environment) { node in
                let candidate = try await node.api.upload(Self.padded(clips.small), by: player)
                #expect(try await node.api.finished(candidate, of: player)["status"] == "processed")
                try tools.shut()
                let job = try await node.api.upload(clips.small, by: player)
                let encoders = try await Integration.Faults.encoders(of: node)
                let upload = try await OpenUpload(clips.small, to: node, by: player)
                let download = try await Self.download(candidate, of: player, from: node)

                node.program.send(SIGTERM)
                let start = ContinuousClock.now
                try await Self.expectNotice(node, player, voters: voters, candidate, clips)
                try await untilTrue("nobody is let in any more", within: .seconds(5)) {
                    (try? RawConnection(port: node.port)) == nil
                }
                #expect(ContinuousClock.now - start > .seconds(2.9), "the notice was not kept")
                for _ in 0..<3 { try await upload.send(1000) }
                let response = try await upload.finish()
                #expect(response.hasPrefix("HTTP/1.1 201"), "\(response)")
                try await Self.expectWhole(download, Self.padded(clips.small))

                #expect(try await node.program.end(within: .seconds(3 + 8 + 5)) == .exited(0))
                #expect(ContinuousClock.now - start < .seconds(3 + 8 + 5))
                try await Integration.Faults.expectGone(encoders, within: .zero)
                let uploaded = try #require(OpenUpload.videoID(in: response))
                #expect(try await database.events(of: uploaded) == ["uploaded"], "nothing was pulled any more")
                #expect(try await shared.video(uploaded, of: player)["status"] == "uploaded")
                return job
            }
            #expect(try await database.events(of: job) == ["uploaded", "claimed", "handed_back"])
            #expect(try await database.value("dispatch || ' ' || claims || ' ' || attempts", of: job) == "2 0 0")
            let receives = "SELECT coalesce(sum(receive_count), 0) FROM queue_messages"
            try await untilTrue("the new message waits, and the old one is gone") {
                try await database.messages(of: job) == 1
            }
            #expect(try await database.number("\(receives) WHERE body LIKE '%\(job)%'") == 0, "a receive was burnt")
            #expect(try Integration.Faults.cluster.temporaryFiles == [])
            try await Integration.Faults.withWorker { _ in
                try await Integration.Faults.expectProcessedOnce(job, by: player)
            }
            #expect(try await database.events(of: job).suffix(2) == ["claimed", "processed"])
            for video in try await shared.get("/api/videos", token: player.token).json.items ?? [] {
                #expect(video["status"] == "processed", "\(video)")
            }
        }

        /// The clip with 12 MB after it, more than the sockets between node and client hold.
        private static func padded(_ clip: [UInt8]) -> [UInt8] {
            // A box of the type free, ISO/IEC 14496-12, 8.1.2.
            let sizeBytes = 12_000_000
            return clip + withUnsafeBytes(of: UInt32(sizeBytes).bigEndian) { Array($0) } + Array("free".utf8)
                + [UInt8](repeating: 0, count: sizeBytes - 8)
        }

        /// A download of the original of which little has been read.
        private static func download(_ video: String, of player: API.Player, from node: ClusterNode) async throws
            -> RawConnection
        {
            let link = try #require(try await node.api.video(video, of: player)["original_url"]?.text)
            let connection = try RawConnection(port: node.port)
            let target = link.replacing(node.api.origin, with: "")
            _ = try await connection.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try await connection.receive(atLeast: 100_000, within: .seconds(5))
            #expect(connection.text.hasPrefix("HTTP/1.1 200"))
            return connection
        }

        private static func expectWhole(_ download: RawConnection, _ bytes: [UInt8]) async throws {
            let head = try #require(download.text.firstRange(of: "\r\n\r\n"))
            let headBytes = download.text[..<head.upperBound].utf8.count
            try await download.receive(atLeast: headBytes + bytes.count, within: .seconds(10))
            // Not ==: of two arrays that differ the report would show the difference, which takes for ever at this size.
            let isWhole = download.received.dropFirst(headBytes).elementsEqual(bytes)
            #expect(isWhole, "\(download.received.count - headBytes) of \(bytes.count) bytes came")
        }

        /// While the node tells the load balancer to go elsewhere it serves whoever still comes, but for new uploads.
        private static func expectNotice(
            _ node: ClusterNode, _ player: API.Player, voters: [API.Player], _ video: String, _ clips: Clips
        ) async throws {
            let health = try await eventually("health says so", within: .seconds(1)) {
                let answer = try await node.api.get("/api/health")
                return answer.status == 503 ? answer : nil
            }
            #expect(health.json["status"] == "draining")
            for voter in voters { #expect(try await node.api.vote(video, by: voter).status == 200) }
            let refused = try await node.api.post(
                "/api/videos/upload", .video(clips.small, title: "Tarde"), token: player.token)
            expectError(refused, 503)
            #expect(Int(refused.headers["Retry-After"] ?? "") ?? 0 > 0)
            #expect(try await node.api.ranking(city: "yavarate").first?["votes"] == 10)
            try await untilTrue("the votes are the cluster's", within: .seconds(2)) {
                try await Stage.current.api.ranking(city: "yavarate").first?["votes"] == 10
            }
        }

        @Test("a second signal ends a node at once, and what it leaves is swept")
        func secondSignal() async throws {
            let shared = try Stage.current.api
            let cluster = try Integration.Faults.cluster
            let player = try await shared.signUp()
            let tools = try StrangeFFmpeg(.waitsAtTheGate, in: cluster)
            try await Integration.Faults.with("all", Integration.Faults.worker, environment: tools.environment) {
                node in
                let id = try await shared.upload(try await Clips.shared().small, by: player)
                let encoders = try await Integration.Faults.encoders(of: node)
                node.program.send(SIGTERM)
                try await untilTrue("the node drains", within: .seconds(2)) {
                    // Without a notice its listener closes at once.
                    (try? RawConnection(port: node.port)) == nil
                }
                #expect(node.program.ending == nil, "the grace is not over")
                node.program.send(SIGINT)
                #expect(try await node.program.end(within: .seconds(2)) == .exited(128 + SIGINT))
                try await Integration.Faults.expectGone(encoders)
                try await untilTrue("its temporary files are swept", within: .seconds(5)) {
                    cluster.temporaryFiles == []
                }
                let answer = try await shared.call("DELETE", "/api/videos/\(id)", token: player.token)
                #expect(answer.status == 200)
            }
        }

        @Test("an idle node leaves within moments, in mid-poll too", arguments: ["api", "worker", "all"])
        func idle(role: String) async throws {
            try await Integration.Faults.with(role, ["queue.pollSeconds=20"]) { node in
                node.program.send(SIGTERM)
                let start = ContinuousClock.now
                let ending = try await node.program.end(within: .seconds(10))
                let time = ContinuousClock.now - start
                #expect(ending == .exited(0))
                // A second on a quiet machine.
                #expect(time < .seconds(3), "\(role): \(time)")
            }
        }
    }
}
