import Testing

extension Integration.Contract {
    @Suite("the public list") struct PublicList {
        private static let fields: Set<String> = [
            "video_id", "title", "status", "uploaded_at", "processed_at", "processed_url", "votes", "poster_url",
            "username", "city",
        ]

        @Test("lists processed videos to anyone, newest first, with every field")
        func list() async throws {
            let season = try Season.current
            let answer = try await season.api.get("/api/public/videos?city=medellin")
            #expect(answer.status == 200)
            let items = try #require(answer.json.items)
            #expect(Set(items.compactMap { $0["video_id"]?.text }) == Set(season.videos))
            let times = items.compactMap { $0["processed_at"]?.text }
            #expect(times == times.sorted().reversed())
            #expect(answer.headers["X-Total-Count"] == "4")
            for item in items {
                #expect(item.names?.isSuperset(of: Self.fields) == true)
                #expect(item["status"] == "processed")
                #expect(item["city"] == "Medellín")
                let link = try #require(item["processed_url"]?.text)
                #expect(try await season.api.call("HEAD", link).status == 200)
            }
            #expect(!answer.text.contains("@"), "an e-mail address is nobody's business")
        }

        @Test(
            "the city's case and accents do not matter",
            arguments: [
                "Medell%C3%ADn", "MEDELLIN", "+medellin+", "medell%C3%8DN", "Medelli%CC%81n", "%20medellin%20",
                "medell%ED%xx",
            ])
        func city(text: String) async throws {
            let season = try Season.current
            let answer = try await season.api.get("/api/public/videos?city=\(text)")
            if text.hasSuffix("xx") {
                #expect((200..<500).contains(answer.status))
            } else {
                #expect(answer.json.items?.count == 4)
                #expect(answer.headers["X-Total-Count"] == "4")
            }
        }

        @Test("an unknown city is an empty list")
        func unknownCity() async throws {
            let answer = try await Season.current.api.get("/api/public/videos?city=Atlantis")
            #expect(answer.status == 200)
            #expect(answer.json == [])
            #expect(answer.headers["X-Total-Count"] == "0")
        }

        @Test("skip and limit, page, and the links of Link walk through the same list")
        func paging() async throws {
            let season = try Season.current
            let path = "/api/public/videos?city=medellin"
            func ids(_ answer: Answer) -> [String] { (answer.json.items ?? []).compactMap { $0["video_id"]?.text } }
            let all = ids(try await season.api.get(path))
            #expect(ids(try await season.api.get(path + "&skip=1&limit=2")) == Array(all[1..<3]))
            #expect(ids(try await season.api.get(path + "&page=2&limit=3")) == Array(all[3...]))
            #expect(ids(try await season.api.get(path + "&page=9&limit=3")) == [])
            var walked: [String] = []
            var next: String? = path + "&limit=1"
            while let link = next, walked.count < 9 {
                let answer = try await season.api.get(link)
                #expect(answer.headers["X-Total-Count"] == "4")
                walked += ids(answer)
                next = Self.link("next", of: answer)
            }
            #expect(walked == all)
            let second = try await season.api.get(path + "&skip=1&limit=1")
            #expect(ids(try await season.api.get(try #require(Self.link("prev", of: second)))) == [all[0]])
            #expect(Self.link("prev", of: try await season.api.get(path + "&limit=1")) == nil)
        }

        /// The target of a relation (RFC 8288).
        static func link(_ relation: String, of answer: Answer) -> String? {
            for link in (answer.headers["Link"] ?? "").split(separator: ",") {
                guard link.contains("rel=\"\(relation)\""), let start = link.firstIndex(of: "<"),
                    let end = link.firstIndex(of: ">")
                else { continue }
                return String(link[link.index(after: start)..<end])
            }
            return nil
        }

        @Test(
            "a bad parameter is 400",
            arguments: [
                "limit=0", "limit=101", "limit=-1", "limit=ten", "limit=", "limit=1.5", "limit=+5",
                "limit=99999999999999999999", "skip=-1", "skip=x", "page=0", "page=-3", "page=x", "sort=bogus",
                "cursor=bogus", "cursor=o1", "cursor=c1", "cursor=c-1-1", "cursor=c1-zzzzzzzzzzzzz",
                "cursor=czzzzzzzzzzzzzz-1", "page=9223372036854775807&limit=100", "skip=9223372036854775808",
            ])
        func badParameter(query: String) async throws {
            expectError(try await Season.current.api.get("/api/public/videos?\(query)"), 400)
        }

        @Test(
            "the bounds themselves and unknown parameters are fine",
            arguments: ["limit=1", "limit=100", "page=1", "x=y"])
        func bounds(query: String) async throws {
            #expect(try await Season.current.api.get("/api/public/videos?\(query)").status == 200)
        }
    }

    /// Of both public lists.
    @Suite("lists that did not change") struct Unchanged {
        @Test(
            "a known list is 304, a long one comes compressed to who takes it, and both forms are one list",
            arguments: ["/api/public/videos?city=medellin", "/api/public/rankings"])
        func known(path: String) async throws {
            let api = try Season.current.api
            for video in try Season.current.videos {
                _ = try await api.vote(video, by: try await api.signUp())
            }
            let plain = try await api.get(path, headers: ["Accept-Encoding": "identity"])
            let tag = try #require(plain.headers["ETag"])
            #expect(plain.headers["Cache-Control"] == "no-cache")
            #expect(plain.headers["Content-Encoding"] == nil)
            #expect(plain.headers["Vary"]?.contains("Accept-Encoding") == true)
            for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let answer = try await api.get(path, headers: ["If-None-Match": known])
                #expect(answer.status == 304 && answer.body.isEmpty)
                #expect(answer.headers["ETag"] != nil && answer.headers["X-Total-Count"] != nil)
            }
            #expect(try await api.get(path, headers: ["If-None-Match": "\"x\""]).status == 200)
            let packed = try await api.get(path, headers: ["Accept-Encoding": "br;q=1.0, gzip;q=0.8"])
            if plain.body.count > 1200 {
                #expect(packed.headers["Content-Encoding"] == "gzip")
                #expect(packed.body.count < plain.body.count / 2 && packed.body.prefix(2) == [0x1F, 0x8B])
                let packedTag = try #require(packed.headers["ETag"])
                #expect(packedTag != tag)
                #expect(try await api.get(path, headers: ["If-None-Match": packedTag]).status == 304)
                let refused = try await api.get(path, headers: ["Accept-Encoding": "gzip;q=0, *"])
                #expect(refused.headers["Content-Encoding"] == nil && refused.body == plain.body)
            }
        }

        @Test("a vote changes the tag")
        func changed() async throws {
            let season = try Season.current
            let path = "/api/public/rankings"
            let before = try await season.api.get(path).headers["ETag"]
            #expect(try await season.api.vote(season.video, by: try await season.api.signUp()).status == 200)
            let after = try await season.api.get(path, headers: ["If-None-Match": before ?? ""])
            #expect(after.status == 200 && after.headers["ETag"] != before)
        }
    }

    @Suite("votes") struct Votes {
        private static let unknownID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

        private static func path(_ id: String) -> String { "/api/public/videos/\(id)/vote" }

        @Test("a vote counts once, at once, everywhere on its node")
        func vote() async throws {
            let season = try Season.current
            let city = "Tunja"
            let player = try await season.api.signUp(city: city)
            let voter = try await season.api.signUp()
            let id = try await season.api.upload(season.clips.small, by: player)
            _ = try await season.api.finished(id, of: player)
            let before = try await season.api.get(Self.path(id) + "-status", token: voter.token)
            #expect(before.json["has_voted"] == false)
            let answer = try await season.api.vote(id, by: voter)
            #expect(answer.status == 200)
            #expect(answer.json["message"] == "Voto registrado exitosamente.")
            #expect(try await season.api.ranking(city: city)[0]["votes"] == 1)
            let status = try await season.api.get(Self.path(id) + "-status", token: voter.token)
            #expect(status.status == 200)
            #expect(
                status.json == ["video_id": .text(id), "has_voted": true, "user_id": .text(voter.id)])
            #expect(try await season.api.video(id, of: player)["votes"] == 1)
            try await untilTrue("the public list counts the vote", within: .seconds(2)) {
                try await season.api.get("/api/public/videos?city=\(city)").json[0]?["votes"] == 1
            }
            let again = try await season.api.vote(id, by: voter)
            expectError(again, 400, "Ya has votado por este video")
            expectBilingual(again)
            #expect(try await season.api.ranking(city: city)[0]["votes"] == 1)
        }

        @Test("of many votes of one person at the same time one counts")
        func voteRace() async throws {
            let season = try Season.current
            let voter = try await season.api.signUp()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<12 {
                    group.addTask { try await season.api.vote(season.videos[3], by: voter).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 200 }.count == 1)
            #expect(statuses.filter { $0 == 400 }.count == 11)
        }

        @Test("nobody votes for an own video")
        func ownVideo() async throws {
            let season = try Season.current
            let answer = try await season.api.vote(season.video, by: season.player)
            expectError(answer, 400)
            expectBilingual(answer)
            #expect(!answer.text.contains("Ya has votado"))
        }

        @Test("an unknown video is 404, a malformed id 400")
        func noSuchVideo() async throws {
            let season = try Season.current
            for suffix in ["", "-status"] {
                let method = suffix.isEmpty ? "POST" : "GET"
                let unknown = try await season.api.call(
                    method, Self.path(Self.unknownID) + suffix, token: season.player.token)
                expectError(unknown, 404, "Video not found")
                for id in ["x", "123", "%00", "7c9e6679-7425-40de-944b-e07fc1f90aeg"] {
                    let malformed = try await season.api.call(
                        method, Self.path(id) + suffix, token: season.player.token)
                    expectError(malformed, 400, "Invalid video ID format")
                }
            }
        }
    }

    @Suite("rankings") struct Rankings {
        @Test("positions count within the city, equal votes share one, and the order is by votes, then username")
        func positions() async throws {
            let season = try Season.current
            let city = "San José del Guaviare"
            let query = "san%20jose%20DEL%20guaviare"
            var videos: [String: String] = [:]
            var players: [String: API.Player] = [:]
            for name in ["Carla", "Bruno", "Aldo", "Dora"] {
                let player = try await season.api.signUp(first: name, last: "Rincón", city: city)
                players[name] = player
                videos[name] = try await season.api.upload(season.clips.small, by: player)
            }
            for (name, player) in players {
                let video = try await season.api.finished(try #require(videos[name]), of: player)
                #expect(video["status"] == "processed")
            }
            // Only players with a vote are listed.
            #expect(try await season.api.ranking(city: query) == [])
            let votes = [["Carla", "Bruno", "Aldo", "Dora"], ["Carla", "Bruno", "Aldo"], ["Carla"]]
            for names in votes {
                let voter = try await season.api.signUp()
                for name in names {
                    #expect(try await season.api.vote(try #require(videos[name]), by: voter).status == 200)
                }
            }
            let answer = try await season.api.get("/api/public/rankings?city=\(query)")
            #expect(answer.status == 200)
            #expect(answer.headers["X-Total-Count"] == "4")
            let rows = try #require(answer.json.items)
            #expect(rows.allSatisfy { $0.names == ["position", "username", "city", "votes"] })
            #expect(rows.compactMap { $0["position"]?.integer } == [1, 2, 2, 4])
            #expect(rows.compactMap { $0["votes"]?.integer } == [3, 2, 2, 1])
            #expect(
                rows.compactMap { $0["username"]?.text }
                    == ["carla.rincon", "aldo.rincon", "bruno.rincon", "dora.rincon"])
            #expect(rows.allSatisfy { $0["city"] == .text(city) })
            let part = try await season.api.get("/api/public/rankings?city=\(query)&skip=2&limit=2")
            #expect(part.json.items?.compactMap { $0["position"]?.integer } == [2, 4])
            #expect(part.headers["X-Total-Count"] == "4")
            let page = try await season.api.get("/api/public/rankings?city=\(query)&page=2&limit=3")
            #expect(page.json.items?.compactMap { $0["username"]?.text } == ["dora.rincon"])
            let first = try await season.api.get("/api/public/rankings?city=\(query)&limit=3")
            let next = try #require(PublicList.link("next", of: first))
            #expect(try await season.api.get(next).json == page.json)
        }

        @Test("a player's votes are the sum over the videos")
        func sum() async throws {
            let season = try Season.current
            let player = try await season.api.signUp(first: "Sara", last: "Suma", city: "Quibdó")
            let voter = try await season.api.signUp()
            for _ in 0..<2 {
                let id = try await season.api.upload(season.clips.small, by: player)
                _ = try await season.api.finished(id, of: player)
                #expect(try await season.api.vote(id, by: voter).status == 200)
            }
            let rows = try await season.api.ranking(city: "QUIBDO")
            #expect(
                rows == [["position": 1, "username": "sara.suma", "city": "Quibdó", "votes": 2]])
        }

        @Test(
            "a bad parameter is 400 with the contract's text",
            arguments: [
                "limit=0", "limit=1001", "limit=-5", "limit=x", "skip=-1", "page=0", "page=x", "limit=",
                "skip=99999999999999999999",
                "page=3&skip=-99", "cursor=o1&page=0",
            ])
        func badParameter(query: String) async throws {
            let answer = try await Season.current.api.get("/api/public/rankings?\(query)")
            expectError(answer, 400, "Parámetro inválido en la consulta.")
        }

        @Test(
            "the bounds themselves and unknown parameters are fine",
            arguments: ["limit=1", "limit=1000", "sort=x", "a"])
        func bounds(query: String) async throws {
            #expect(try await Season.current.api.get("/api/public/rankings?\(query)").status == 200)
        }
    }

    @Suite("health and readiness") struct Status {
        @Test("health says that the node lives and whether it sees its database")
        func health() async throws {
            let answer = try await Season.current.api.get("/api/health")
            #expect(answer.status == 200)
            #expect(answer.json["status"] == "healthy")
            #expect(answer.json["service"] == "backend")
            #expect(answer.json["database"] == "ok")
        }

        @Test("a ready node says so")
        func ready() async throws {
            #expect(try await Season.current.api.get("/api/ready").status == 200)
        }
    }
}
