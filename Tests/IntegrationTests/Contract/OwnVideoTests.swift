import Testing
import Transport

extension Integration.Contract {
    @Suite("a player's own videos") struct OwnVideos {
        private static let listFields: Set<String> = [
            "video_id", "title", "status", "uploaded_at", "processed_at", "processed_url", "votes",
        ]
        private static let unknownID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

        @Test("an upload answers at once and is processed within five seconds")
        func upload() async throws {
            let season = try Season.current
            let player = try await season.api.signUp()
            let start = ContinuousClock.now
            let answer = try await season.api.post(
                "/api/videos/upload", .video(season.clips.small, title: "  Mi triple – ¡qué «tiro»! 🏀 "),
                token: player.token)
            #expect(answer.status == 201)
            #expect(answer.json["message"] == "Video subido correctamente. Procesamiento en curso.")
            let id = try #require(answer.json["video_id"]?.text)
            #expect(id.isLowerCaseUUID)
            #expect(answer.json["task_id"]?.text == id)
            let video = try await season.api.finished(id, of: player)
            let time = ContinuousClock.now - start
            #expect(video["status"] == "processed")
            #expect(video["title"] == "Mi triple – ¡qué «tiro»! 🏀")
            #expect(time < .seconds(5), "a small clip took \(time)")
        }

        @Test("the list is the player's own, oldest first, with every field")
        func list() async throws {
            let season = try Season.current
            let player = try await season.api.signUp()
            #expect(try await season.api.get("/api/videos", token: player.token).json == [])
            var ids: [String] = []
            for number in 1...2 {
                ids.append(try await season.api.upload(season.clips.small, title: "Tiro \(number)", by: player))
            }
            for id in ids { _ = try await season.api.finished(id, of: player) }
            let answer = try await season.api.get("/api/videos", token: player.token)
            #expect(answer.status == 200)
            let items = try #require(answer.json.items)
            #expect(items.compactMap { $0["video_id"]?.text } == ids)
            #expect(items.compactMap { $0["title"]?.text } == ["Tiro 1", "Tiro 2"])
            for item in items {
                #expect(item.names?.isSuperset(of: Self.listFields) == true)
                #expect(item["votes"] == 0)
                #expect(item["uploaded_at"]?.text?.isUTCTime == true)
                #expect(item["processed_at"]?.text?.isUTCTime == true)
            }
        }

        @Test("the detail has the list's fields and a link to the original")
        func detail() async throws {
            let season = try Season.current
            let video = try await season.api.video(season.video, of: season.player)
            #expect(video.names?.isSuperset(of: Self.listFields.union(["original_url"])) == true)
            let link = try #require(video["original_url"]?.text)
            #expect(link.hasPrefix(season.api.origin + "/"))
            let original = try await season.api.get(link)
            #expect(original.status == 200)
            #expect(original.body == season.clips.small)
        }

        @Test("progress is told while a video is processed, in whole percent, and never goes back")
        func progress() async throws {
            let season = try Season.current
            let player = try await season.api.signUp()
            let id = try await season.api.upload(season.clips.long, by: player)
            var seen: [Int] = []
            _ = try await eventually("the long clip is processed", within: .seconds(40)) {
                let video = try await season.api.video(id, of: player)
                if video["status"] == "processing" { seen.append(try #require(video["progress"]?.integer)) }
                return video["status"] == "processed" ? true : nil
            }
            #expect(seen == seen.sorted())
            #expect(seen.allSatisfy { (0...100).contains($0) })
            #expect(Set(seen).count > 1, "seen: \(seen)")
        }

        @Test("another's video is 403 and one that does not exist 404", arguments: ["", "original/", "processed/"])
        func notMine(prefix: String) async throws {
            let season = try Season.current
            let other = try await season.api.get("/api/videos/\(prefix)\(season.video)", token: season.players[1].token)
            expectError(other, 403)
            expectBilingual(other)
            let unknown = try await season.api.get("/api/videos/\(prefix)\(Self.unknownID)", token: season.player.token)
            expectError(unknown, 404)
            expectBilingual(unknown)
        }

        @Test(
            "a malformed id is 422 and names the path",
            arguments: [
                "x", "123", "7c9e6679-7425-40de-944b-e07fc1f90aeg", "%00", "7c9e6679742540de944be07fc1f90ae7",
            ])
        func malformedID(id: String) async throws {
            let season = try Season.current
            let answer = try await season.api.get("/api/videos/\(id)", token: season.player.token)
            expectError(answer, 422)
            #expect(answer.json["detail"]?[0]?["loc"]?[0] == "path")
        }

        @Test("original and processed redirect to an absolute link that plays, as video")
        func redirects() async throws {
            let season = try Season.current
            for kind in ["original", "processed"] {
                let answer = try await season.api.get("/api/videos/\(kind)/\(season.video)", token: season.player.token)
                #expect(answer.status == 302)
                let link = try #require(answer.headers["Location"])
                #expect(link.hasPrefix(season.api.origin + "/"))
                let media = try await season.api.get(link)
                #expect(media.status == 200)
                #expect(media.headers["Content-Type"]?.hasPrefix("video/") == true)
                #expect((media.body == season.clips.small) == (kind == "original"))
                let head = try await season.api.call(
                    "HEAD", "/api/videos/\(kind)/\(season.video)", token: season.player.token)
                #expect(head.status == 302)
            }
        }

        @Test("a WebM upload keeps its type")
        func webm() async throws {
            let season = try Season.current
            let player = try await season.api.signUp()
            let form = MultipartForm(parts: [
                .title("De navegador"),
                .file(season.clips.webm, filename: "x.bin", contentType: "application/octet-stream"),
            ])
            let answer = try await season.api.post("/api/videos/upload", form, token: player.token)
            #expect(answer.status == 201, "\(answer.text)")
            let id = try #require(answer.json["video_id"]?.text)
            let video = try await season.api.finished(id, of: player)
            #expect(video["status"] == "processed")
            let original = try await season.api.get(try #require(video["original_url"]?.text))
            #expect(original.headers["Content-Type"] == "video/webm")
        }

        @Test("absolute links follow the Host that the client used")
        func hostOfLinks() async throws {
            let season = try Season.current
            let video = try await season.api.get(
                "/api/videos/\(season.video)", token: season.player.token, headers: ["Host": "videos.anb.example:81"])
            #expect(video.json["processed_url"]?.text?.hasPrefix("http://videos.anb.example:81/") == true)
        }
    }
}
