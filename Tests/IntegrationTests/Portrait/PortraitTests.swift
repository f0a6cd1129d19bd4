import Testing

extension Integration {
    @Suite("clips of several shapes", .serialized, .sharedNode("all")) struct Shapes {
        @Test("a clip held upright stands upright between black bars")
        func portrait() async throws {
            let clip = try await FinishedClip.make(from: Clips.shared().portrait)
            clip.expectHouseFormat()
            // 360 × 640 in 720 lines is 405 columns wide, a third of the picture.
            #expect(clip.brightness(column: 16, line: 5) < 60, "the black half is on top")
            #expect(clip.brightness(column: 16, line: 13) > 180, "the white half is below")
            for column in [2, 7, 24] {
                for line in [9, 13] { #expect(clip.brightness(column: column, line: line) < 60, "bar at \(column)") }
            }
        }

        @Test("a 4:3 clip keeps its shape between black bars")
        func fourByThree() async throws {
            let clip = try await FinishedClip.make(from: Clips.shared().fourByThree)
            clip.expectHouseFormat()
            // 960 of 1280 columns: the picture is white from column 4 to 27.
            for column in [5, 16, 26] { #expect(clip.brightness(column: column, line: 9) > 180, "column \(column)") }
            for column in [1, 2, 29] { #expect(clip.brightness(column: column, line: 9) < 60, "bar at \(column)") }
        }

        @Test("1080p60 with sound becomes silent 720p, within five seconds of its upload")
        func fullHD() async throws {
            let clip = try await FinishedClip.make(from: Clips.shared().fullHD60)
            clip.expectHouseFormat()
            #expect(clip.processingTime < .seconds(5), "it took \(clip.processingTime)")
        }

        @Test("a damaged clip is refused at once or ends failed with a reason, and leaves nothing published")
        func corrupt() async throws {
            let api = try Stage.current.api
            let cluster = try #require(Stage.cluster)
            let clips = try await Clips.shared()
            let player = try await api.signUp(city: "Mitú")
            // The header is whole, what follows is noise.
            let intact = clips.small.count * 2 / 5
            let noise = (intact..<clips.small.count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 5) }
            let damaged = Array(clips.small.prefix(intact)) + noise
            let zeroed = Array(clips.small.prefix(intact)) + noise.map { _ in UInt8(0) }
            let half = Array(clips.small.prefix(clips.small.count / 2))
            for clip in [damaged, zeroed, half] {
                let answer = try await api.post(
                    "/api/videos/upload", .video(clip, title: "Roto"), token: player.token)
                if answer.status == 400 {
                    expectBilingual(answer)
                    continue
                }
                try #require(answer.status == 201, "\(answer.text)")
                let id = try #require(answer.json["video_id"]?.text)
                let video = try await api.finished(id, of: player)
                guard video["status"] == "failed" else {
                    // What can still be seen of a damaged clip may be shown.
                    continue
                }
                #expect(video["failure_reason"]?.text?.contains("(") == true, "\(video)")
                #expect(video["processed_url"] == JSON.null)
                expectError(try await api.get("/api/videos/processed/\(id)", token: player.token), 400, "procesado")
                expectError(try await api.vote(id, by: try await api.signUp()), 400)
                #expect(!cluster.objects.contains { $0.hasPrefix("/processed/\(id)") })
            }
            try await untilTrue("temporary files are gone") { cluster.temporaryFiles == [] }
            let good = try await api.upload(clips.small, by: player)
            #expect(try await api.finished(good, of: player)["status"] == "processed")
        }
    }
}
