import Testing

extension Integration.Faults {
    @Suite("disks that are full or read-only", CrampedNode()) struct FullDisks {
        @Test("an upload that the disk cannot hold is 503 with Retry-After, leaves nothing, and a smaller one goes on")
        func spool() async throws {
            let clips = try await Clips.shared()
            let padding = [UInt8](repeating: 0, count: 2 * CrampedNode.diskBytes)
            try await Self.expectRefused(clips.small + padding) {
                try await Self.expectProcessed(clips.small, by: $0)
            }
        }

        @Test("while temporary files have no room uploads are 503, and they go through when there is some")
        func fullSpool() async throws {
            let clips = try await Clips.shared()
            let player = try await CrampedNode.withoutRoom(in: "temp") {
                try await Self.expectRefused(clips.small) { $0 }
            }
            try await Self.expectProcessed(clips.small, by: player)
        }

        @Test("while the store has no room uploads are 503, and they go through when there is some")
        func fullStore() async throws {
            let clips = try await Clips.shared()
            let player = try await CrampedNode.withoutRoom(in: "objects") {
                try await Self.expectRefused(clips.small) { $0 }
            }
            try await Self.expectProcessed(clips.small, by: player)
        }

        @Test("while the store is read-only uploads are 503 and the node is not ready, and all works again afterwards")
        func readOnlyStore() async throws {
            let clips = try await Clips.shared()
            let api = try CrampedNode.current.api
            let player = try await CrampedNode.readOnly("objects") {
                let player = try await Self.expectRefused(clips.small) { $0 }
                try await untilTrue("the node is not ready", within: .seconds(5)) {
                    let answer = try await api.get("/api/ready")
                    return answer.status == 503 && answer.json["storage"] == "unreachable"
                }
                return player
            }
            try await Self.expectProcessed(clips.small, by: player)
        }

        @Test("a clip whose encode finds no room is handed back, and is published when there is room")
        func encode() async throws { try await Self.expectHandedBack(whileFull: "temp") }

        static func expectHandedBack(whileFull disk: String) async throws {
            let api = try CrampedNode.current.api
            let database = try Integration.Faults.database
            let tools = try #require(StrangeFFmpeg.shared)
            let player = try await api.signUp()
            try tools.shut()
            defer { tools.open() }
            let id = try await api.upload(try await Clips.shared().small, by: player)
            _ = try await Integration.Faults.encoders(of: CrampedNode.current)
            try await CrampedNode.withoutRoom(in: disk) {
                tools.open()
                try await untilTrue("the job is handed back", within: .seconds(15)) {
                    try await database.events(of: id).count > 2
                }
            }
            try await expectProcessed(id, by: player)
            #expect(try await database.events(of: id).contains("handed_back"))
            #expect(try await database.value("attempts", of: id) == "0", "a full disk is not the clip's failure")
        }

        /// Refused in the contract's way, and nothing is left of it.
        private static func expectRefused<Result>(
            _ clip: [UInt8], then body: (API.Player) async throws -> Result
        ) async throws -> Result {
            let api = try CrampedNode.current.api
            let player = try await api.signUp()
            let before = try CrampedNode.objects
            let answer = try await api.post(
                "/api/videos/upload", .video(clip, title: "Sin lugar"), token: player.token)
            expectError(answer, 503)
            expectBilingual(answer)
            #expect(Int(answer.headers["Retry-After"] ?? "") ?? 0 > 0)
            #expect(try await api.get("/api/health").status == 200)
            #expect(try await api.get("/api/videos", token: player.token).json == [])
            #expect(try CrampedNode.objects == before)
            #expect(try CrampedNode.temporaryFiles.filter { $0 != "/ballast" } == [])
            return try await body(player)
        }

        private static func expectProcessed(_ clip: [UInt8], by player: API.Player) async throws {
            StrangeFFmpeg.shared?.open()
            try await expectProcessed(try await CrampedNode.current.api.upload(clip, by: player), by: player)
        }

        private static func expectProcessed(_ id: String, by player: API.Player) async throws {
            let api = try CrampedNode.current.api
            let video = try await api.finished(id, of: player)
            #expect(video["status"] == "processed", "\(video)")
            #expect(try await Integration.Faults.database.count("processed", of: id) == 1)
            let kinds = ["/original/\(id).mp4", "/processed/\(id).jpg", "/processed/\(id).mp4"]
            #expect(try CrampedNode.objects(of: id) == kinds)
            try await untilTrue("temporary files are gone") { try CrampedNode.temporaryFiles == [] }
        }
    }
}
