import Testing
import Transport

extension Integration.Uploads {
    @Suite("refused uploads leave nothing behind") struct Refused {
        /// A wrong upload and what the client is told.
        struct Case: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let status: Int
            var fragments: [String] = []
            var wrongFields: Set<String> = []
            var contentType: String?
            let body: @Sendable (Clips) -> MultipartForm
        }

        private static func file(_ name: String, _ bytes: @escaping @Sendable (Clips) -> [UInt8]) -> Case {
            Case(testDescription: name, status: 400, fragments: ["Tipo de archivo inválido"]) {
                .video(bytes($0), title: "Uno")
            }
        }

        static let cases: [Case] = [
            file("a text that says it is a video") { _ in
                Array(String(repeating: "no soy un video\n", count: 99).utf8)
            },
            file("an empty file") { _ in [] },
            file("random bytes") { _ in (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 197 ^ $0 >> 3) } },
            file("a picture") { $0.picture },
            file("sound without film") { $0.sound },
            file("a script") { _ in Array("#!/bin/sh\nid > /tmp/x\n".utf8) },
            file("a playlist") { _ in Array("#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n".utf8) },
            Case(testDescription: "a clip cut in its header", status: 400) {
                .video(Array($0.small.prefix(900)), title: "Uno")
            },
            Case(testDescription: "one byte over the limit", status: 400, fragments: ["2 MB"]) { clips in
                .video(
                    clips.small + [UInt8](repeating: 0, count: 2_000_001 - clips.small.count), title: "Uno")
            },
            Case(testDescription: "far over the limit", status: 400, fragments: ["2 MB"]) { clips in
                .video(clips.small + [UInt8](repeating: 0, count: 9_000_000), title: "Uno")
            },
            Case(
                testDescription: "a title of white space", status: 400,
                fragments: ["El título del video no puede estar vacío"]
            ) { .video($0.small, title: " \t\u{A0} ") },
            Case(testDescription: "a title of 201 characters", status: 400) {
                .video($0.small, title: String(repeating: "ñ", count: 201))
            },
            Case(testDescription: "a title of a megabyte", status: 400) {
                .video($0.small, title: String(repeating: "x", count: 1_000_000))
            },
            Case(testDescription: "an empty title", status: 422, wrongFields: ["body.title"]) {
                .video($0.small, title: "")
            },
            Case(testDescription: "no title", status: 422, wrongFields: ["body.title"]) {
                MultipartForm(parts: [.file($0.small)])
            },
            Case(testDescription: "no file", status: 422, wrongFields: ["body.video_file"]) { _ in
                MultipartForm(parts: [.title("Uno")])
            },
            Case(
                testDescription: "neither file nor title", status: 422, wrongFields: ["body.video_file", "body.title"]
            ) { _ in MultipartForm(parts: []) },
            Case(testDescription: "the file under another name", status: 422, wrongFields: ["body.video_file"]) {
                MultipartForm(parts: [.file($0.small, name: "movie"), .title("Uno")])
            },
            Case(
                testDescription: "a JSON body", status: 422, wrongFields: ["body.video_file", "body.title"],
                contentType: "application/json"
            ) { .video($0.small, title: "Uno") },
            Case(
                testDescription: "a form without a boundary", status: 422, contentType: "multipart/form-data"
            ) { .video($0.small, title: "Uno") },
            Case(
                testDescription: "another boundary than the body's", status: 422,
                contentType: "multipart/form-data; boundary=another"
            ) { .video($0.small, title: "Uno") },
        ]

        @Test("an upload that breaks a rule is refused, and the next good one goes through", arguments: cases)
        func refused(_ refused: Case) async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let traces = try UploadTraces(of: try await api.signUp())
            let form = refused.body(clips)
            let answer = try await api.call(
                "POST", "/api/videos/upload", token: traces.player.token, body: form.bytes,
                headers: ["Content-Type": refused.contentType ?? form.contentType])
            expectError(answer, refused.status)
            expectBilingual(answer)
            for fragment in refused.fragments { #expect(answer.text.contains(fragment), "\(answer.text)") }
            if !refused.wrongFields.isEmpty { #expect(answer.wrongFields == refused.wrongFields) }
            try await traces.expectNone(clip: clips.small)
        }

        @Test("an upload without a body is 422, never a 500")
        func noBody() async throws {
            let api = try Stage.current.api
            let player = try await api.signUp()
            expectError(try await api.call("POST", "/api/videos/upload", token: player.token), 422)
        }

        @Test("a form that ends in mid-file is the client's mistake")
        func cutForm() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let traces = try UploadTraces(of: try await api.signUp())
            let form = MultipartForm.video(clips.small, title: "Uno")
            let answer = try await api.call(
                "POST", "/api/videos/upload", token: traces.player.token, body: Array(form.bytes.prefix(3000)),
                headers: ["Content-Type": form.contentType])
            #expect((400..<500).contains(answer.status), "\(answer.status) \(answer.text)")
            try await traces.expectNone(clip: clips.small)
        }

        @Test("an upload without a token is 401 and leaves nothing")
        func noToken() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let traces = try UploadTraces(of: try await api.signUp())
            expectUnauthorized(
                try await api.post("/api/videos/upload", .video(clips.small, title: "Uno"), token: nil))
            try await traces.expectNone(clip: clips.small)
        }

        @Test("a clip whose film is cut off is refused, or accepted and left to the worker")
        func truncated() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let half = Array(clips.small.prefix(clips.small.count / 2))
            let answer = try await api.post("/api/videos/upload", .video(half, title: "Uno"), token: player.token)
            #expect(answer.status == 400 || answer.status == 201, "\(answer.status) \(answer.text)")
            #expect(try #require(Stage.cluster).temporaryFiles == [])
        }
    }

    @Suite("accepted uploads") struct Accepted {
        @Test("the file may be called file, come before or after the title, and with parts that nobody asked for")
        func shapes() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let extra = MultipartForm.Part(name: "csrf", bytes: Array("x".utf8))
            let shapes: [[MultipartForm.Part]] = [
                [.file(clips.small), .title("Uno")], [.title("Dos"), .file(clips.small)],
                [.file(clips.small, name: "file"), .title("Tres")],
                [.title("Cuatro"), .file(clips.small, name: "file")],
                [extra, .file(clips.small, filename: "..\\..\\con %22comillas%22.txt"), extra, .title("Cinco"), extra],
                [.file(clips.small, filename: "", contentType: "text/plain"), .title("Seis")],
            ]
            for parts in shapes {
                let answer = try await api.post(
                    "/api/videos/upload", MultipartForm(parts: parts), token: player.token)
                #expect(answer.status == 201, "\(answer.text)")
            }
            let videos = try await api.get("/api/videos", token: player.token).json.items
            let titles = videos?.compactMap { $0["title"]?.text }
            #expect(titles == ["Uno", "Dos", "Tres", "Cuatro", "Cinco", "Seis"])
        }

        @Test("a title of exactly 200 characters and a file of exactly the limit are fine")
        func bounds() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            // A box of the type free (ISO/IEC 14496-12, 8.1.2) fills the file up.
            let rest = Integration.Uploads.maximumFileBytes - clips.small.count
            let box = withUnsafeBytes(of: UInt32(rest).bigEndian) { Array($0) } + Array("free".utf8)
            let full = clips.small + box + [UInt8](repeating: 0, count: rest - 8)
            let title = String(repeating: "é", count: 200)
            let id = try await api.upload(full, title: title, by: player)
            #expect(try await api.video(id, of: player)["title"] == .text(title))
        }

        @Test(
            "a title that a database cannot hold is the client's mistake or is cleaned, never a failure of the server",
            arguments: ["a\\0b", "\\0", "a\u{202E}b", "uno\r\ndos"])
        func hostileTitle(title: String) async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let answer = try await api.post(
                "/api/videos/upload", .video(clips.small, title: title.withNUL), token: player.token)
            #expect((200..<500).contains(answer.status), "\(answer.status) \(answer.text)")
            #expect(try #require(Stage.cluster).temporaryFiles == [])
        }

        @Test("until it is processed a video has nulls, no link to watch, and takes no vote")
        func notProcessed() async throws {
            let api = try Stage.current.api
            let clips = try await Clips.shared()
            let player = try await api.signUp()
            let id = try await api.upload(clips.small, by: player)
            let video = try await api.video(id, of: player)
            #expect(video["status"] == "uploaded")
            #expect(video["processed_at"] == JSON.null)
            #expect(video["processed_url"] == JSON.null)
            let link = try await api.get("/api/videos/processed/\(id)", token: player.token)
            expectError(link, 400, "procesado")
            expectBilingual(link)
            let voter = try await api.signUp()
            let vote = try await api.vote(id, by: voter)
            expectError(vote, 400)
            expectBilingual(vote)
            let own = try await api.vote(id, by: player)
            expectError(own, 400)
            #expect(own.body == vote.body, "not processed comes before own video in the order of refusals")
            #expect(try await api.get("/api/public/videos").json == [])
        }
    }
}
