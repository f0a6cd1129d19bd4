import Testing
import Transport

extension Integration.Contract {
    @Suite("links to media") struct MediaLinks {
        private struct Clip {
            let api: API
            let link: String
            let bytes: [UInt8]

            func get(range: String, headers: HTTPHeaders = [:]) async throws -> Answer {
                var headers = headers
                headers.append(name: "Range", value: range)
                return try await api.get(link, headers: headers)
            }
        }

        private static func clip() async throws -> Clip {
            let season = try Season.current
            let video = try await season.api.video(season.video, of: season.player)
            let link = try #require(video["processed_url"]?.text)
            return Clip(api: season.api, link: link, bytes: try await season.api.get(link).body)
        }

        @Test("a link is absolute, plays for anyone and says what it is")
        func whole() async throws {
            let clip = try await Self.clip()
            #expect(clip.link.hasPrefix(clip.api.origin + "/"))
            let answer = try await clip.api.get(clip.link)
            #expect(answer.status == 200)
            #expect(answer.headers["Content-Type"] == "video/mp4")
            #expect(answer.headers["Accept-Ranges"] == "bytes")
            #expect(answer.headers["Content-Length"] == String(clip.bytes.count))
            #expect(answer.headers["ETag"] != nil)
            #expect(clip.bytes.count > 1000)
        }

        @Test("closed, open and suffix ranges give their bytes")
        func ranges() async throws {
            let clip = try await Self.clip()
            let size = clip.bytes.count
            let expected: [(String, Range<Int>)] = [
                ("bytes=0-0", 0..<1), ("bytes=0-99", 0..<100), ("bytes=100-", 100..<size),
                ("bytes=-100", size - 100..<size),
                ("bytes=\(size - 1)-", size - 1..<size), ("bytes=10-99999999999", 10..<size),
                ("bytes=-99999999999", 0..<size), ("bytes= 5-9", 5..<10),
            ]
            for (range, part) in expected {
                let answer = try await clip.get(range: range)
                #expect(answer.status == 206, "\(range): \(answer.status)")
                #expect(
                    answer.headers["Content-Range"] == "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)",
                    "\(range)")
                #expect(answer.headers["Content-Length"] == String(part.count), "\(range)")
                #expect(answer.body == Array(clip.bytes[part]), "\(range)")
            }
        }

        @Test("a range beyond the end is 416 and tells the size", arguments: ["beyond", "bytes=-0"])
        func unsatisfiable(range: String) async throws {
            let clip = try await Self.clip()
            let size = clip.bytes.count
            let answer = try await clip.get(range: range == "beyond" ? "bytes=\(size)-" : range)
            expectError(answer, 416)
            #expect(answer.headers["Content-Range"] == "bytes */\(size)")
        }

        @Test(
            "a range that is none is ignored (RFC 9110, 14.2)",
            arguments: ["bytes", "bytes=", "bytes=a-b", "bytes=5-1", "items=0-5", "bytes=--5"])
        func malformed(range: String) async throws {
            let clip = try await Self.clip()
            let answer = try await clip.get(range: range)
            #expect(answer.status == 200)
            #expect(answer.body.count == clip.bytes.count)
        }

        @Test("HEAD tells the size and sends nothing, and Range means nothing to it (RFC 9110, 14.2)")
        func head() async throws {
            let clip = try await Self.clip()
            for headers in [[:], ["Range": "bytes=0-9"]] as [HTTPHeaders] {
                let answer = try await clip.api.call("HEAD", clip.link, headers: headers)
                #expect(answer.status == 200)
                #expect(answer.headers["Content-Length"] == String(clip.bytes.count))
                #expect(answer.headers["Content-Type"] == "video/mp4")
                #expect(answer.body.isEmpty)
            }
        }

        @Test("a known entity tag is 304 without a body, another is not")
        func notModified() async throws {
            let clip = try await Self.clip()
            let tag = try #require(try await clip.api.get(clip.link).headers["ETag"])
            for condition in [tag, "*", "\"x\", \(tag)", "W/\(tag)"] {
                for method in ["GET", "HEAD"] {
                    let answer = try await clip.api.call(method, clip.link, headers: ["If-None-Match": condition])
                    #expect(answer.status == 304, "\(method) \(condition)")
                    #expect(answer.headers["ETag"] == tag)
                    #expect(answer.body.isEmpty)
                }
            }
            #expect(try await clip.api.get(clip.link, headers: ["If-None-Match": "\"x\""]).status == 200)
        }

        @Test("If-Range gives a part of the same representation only")
        func ifRange() async throws {
            let clip = try await Self.clip()
            let tag = try #require(try await clip.api.get(clip.link).headers["ETag"])
            #expect(try await clip.get(range: "bytes=0-9", headers: ["If-Range": tag]).status == 206)
            #expect(try await clip.get(range: "bytes=0-9", headers: ["If-Range": "\"x\""]).status == 200)
        }

        @Test("a link with another signature, key, type or life is 403")
        func tampered() async throws {
            let clip = try await Self.clip()
            let season = try Season.current
            let other = season.videos[1]
            let signature = try #require(clip.link.split(separator: "=").last)
            let links = [
                clip.link.replacing(season.video, with: other), clip.link.replacing("processed/", with: "original/"),
                clip.link.replacing("video/mp4", with: "text/html"), clip.link.replacing("expires=", with: "expires=9"),
                clip.link.replacing(signature, with: String(signature.reversed())),
                String(clip.link.prefix { $0 != "?" }), clip.link + "0", clip.link + "&name=x.html",
            ]
            for link in links {
                let answer = try await clip.api.get(link)
                #expect(answer.status == 403 || answer.status == 404, "\(link): \(answer.status)")
                expectError(answer, answer.status)
            }
        }

        @Test("a poster is a picture that anyone can see")
        func poster() async throws {
            let api = try Season.current.api
            let list = try await api.get("/api/public/videos?city=medellin").json
            let answer = try await api.get(try #require(list[0]?["poster_url"]?.text))
            #expect(answer.status == 200)
            #expect(answer.headers["Content-Type"] == "image/jpeg")
            #expect(answer.body.starts(with: [0xFF, 0xD8]))
        }
    }
}
