import Testing

extension Integration.Nodes {
    /// Each repetition goes to the other of two nodes.
    @Suite("Idempotency-Key") struct IdempotencyTests {
        private static func upload(
            _ api: API, _ clip: [UInt8], title: String, by player: API.Player, key: String
        ) async throws -> Answer {
            let form = MultipartForm.video(clip, title: title)
            return try await api.call(
                "POST", "/api/videos/upload", token: player.token, body: form.bytes,
                headers: ["Content-Type": form.contentType, "Idempotency-Key": key])
        }

        private static func vote(_ api: API, _ video: String, by player: API.Player, key: String) async throws -> Answer
        {
            try await api.call(
                "POST", "/api/public/videos/\(video)/vote", token: player.token, headers: ["Idempotency-Key": key])
        }

        @Test("the same upload is answered the same, byte for byte, and there is one video")
        func uploads() async throws {
            let first = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await first.signUp()
            try await Integration.Nodes.withNodes("api", [[]]) { nodes in
                let second = nodes[0].api
                let answer = try await Self.upload(first, clips.small, title: "Uno", by: player, key: "a-1")
                #expect(answer.status == 201)
                let again = try await Self.upload(second, clips.small, title: "Uno", by: player, key: "a-1")
                #expect(again.status == 201 && again.body == answer.body)
                #expect(again.headers["Location"] == answer.headers["Location"])
                expectError(try await Self.upload(second, clips.small, title: "Dos", by: player, key: "a-1"), 422)
                let cut = Array(clips.small.dropLast())
                expectError(try await Self.upload(first, cut, title: "Uno", by: player, key: "a-1"), 422)
                // Keys are each user's own.
                let other = try await second.signUp()
                #expect(
                    try await Self.upload(second, clips.small, title: "Uno", by: other, key: "a-1").status == 201)
                #expect(try await first.get("/api/videos", token: player.token).json.items?.count == 1)
            }
        }

        @Test("many at once: one video, and each is told of it or to wait")
        func uploadsAtOnce() async throws {
            let first = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await first.signUp()
            try await Integration.Nodes.withNodes("api", [[]]) { nodes in
                let apis = [first, nodes[0].api]
                let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            try await Self.upload(apis[number % 2], clips.small, title: "Uno", by: player, key: "b")
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.allSatisfy { $0.status == 201 || $0.status == 409 })
                #expect(Set(answers.filter { $0.status == 201 }.compactMap { $0.json["video_id"]?.text }).count == 1)
                for answer in answers where answer.status == 409 {
                    expectError(answer, 409)
                    expectBilingual(answer)
                }
                #expect(try await first.get("/api/videos", token: player.token).json.items?.count == 1)
            }
        }

        @Test("a refusal by a rule is given again; a form that was no form leaves the key free")
        func refusals() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let text = Array("this is no video at all".utf8)
            let refused = try await Self.upload(api, text, title: "Uno", by: player, key: "c")
            expectError(refused, 400)
            let again = try await Self.upload(api, text, title: "Uno", by: player, key: "c")
            #expect(again.status == 400 && again.body == refused.body)
            expectError(try await Self.upload(api, clips.small, title: "Uno", by: player, key: "c"), 422)
            expectError(try await Self.upload(api, clips.small, title: "", by: player, key: "d"), 422)
            #expect(try await Self.upload(api, clips.small, title: "Uno", by: player, key: "d").status == 201)
            for key in ["", "ñandú", String(repeating: "k", count: 256)] {
                expectError(try await Self.upload(api, clips.small, title: "Uno", by: player, key: key), 400)
            }
        }

        @Test("a vote under its key counts once and is answered the same; another video under it is 422")
        func votes() async throws {
            let first = try Stage.current.api
            let player = try await first.signUp(first: "Ida", last: "Llave", city: "Mitú")
            let ids = try await Integration.Nodes.processedPair(of: player, by: first)
            try await Integration.Nodes.withNodes("api", [[]]) { nodes in
                let second = nodes[0].api
                let voter = try await first.signUp()
                let answer = try await Self.vote(first, ids[0], by: voter, key: "v")
                #expect(answer.status == 200)
                let again = try await Self.vote(second, ids[0], by: voter, key: "v")
                #expect(again.status == 200 && again.body == answer.body)
                #expect(try await second.ranking(city: "mitu").first?["votes"] == 1)
                expectError(try await Self.vote(second, ids[1], by: voter, key: "v"), 422)
                expectError(try await Self.vote(second, ids[0], by: voter, key: "w"), 400, "Ya has votado")
                expectError(try await Self.vote(first, ids[0], by: voter, key: "w"), 400, "Ya has votado")
                let own = try await Self.vote(first, ids[0], by: player, key: "o")
                #expect(try await Self.vote(second, ids[0], by: player, key: "o").body == own.body)
            }
        }
    }
}
