import Testing
import Transport

extension Integration.Contract {
    /// What all other tests of this suite get is held against the document, too (`API.call`).
    @Suite("the document") struct Document {
        private static let unknownID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

        @Test("OpenAPI 3.1 names each row of the contract, each with a way to fail")
        func rows() async throws {
            let api = try Season.current.api
            let answer = try await api.get("/openapi.json")
            #expect(answer.status == 200 && answer.json["openapi"] == "3.1.0")
            let document = try await ContractDocument.get(api)
            let found = Set(document.operations.map { "\($0.method) \($0.path)" })
            #expect(
                found == [
                    "post /api/auth/signup", "post /api/auth/login", "get /api/auth/me", "delete /api/auth",
                    "post /api/videos/upload", "get /api/videos", "get /api/videos/{id}", "delete /api/videos/{id}",
                    "get /api/videos/original/{id}", "get /api/videos/processed/{id}", "get /api/public/videos",
                    "post /api/public/videos/{id}/vote", "get /api/public/videos/{id}/vote-status",
                    "get /api/public/rankings", "get /api/health", "get /api/ready", "get /openapi.json", "get /docs",
                ])
            for operation in document.operations {
                #expect(operation.json["responses"]?["500"] != nil, "\(operation.path)")
                #expect(operation.json["operationId"]?.text?.isEmpty == false)
            }
            let ids = document.operations.compactMap { $0.json["operationId"]?.text }
            #expect(Set(ids).count == document.operations.count)
        }

        @Test("each path of the document answers its methods, and no others")
        func methods() async throws {
            let season = try Season.current
            let document = try await ContractDocument.get(season.api)
            let paths = Dictionary(grouping: document.operations) { $0.path }
            for (template, operations) in paths {
                let path = template.replacing("{id}", with: Self.unknownID)
                let answer = try await season.api.call("PATCH", path)
                expectError(answer, 405)
                var wanted = Set(operations.map { $0.method.uppercased() } + ["OPTIONS"])
                if wanted.contains("GET") { wanted.insert("HEAD") }
                let allowed = Set((answer.headers["Allow"] ?? "").split(separator: ", ").map(String.init))
                #expect(allowed == wanted, "\(template)")
            }
        }

        @Test("a token is asked for exactly where the document says")
        func tokens() async throws {
            let api = try Season.current.api
            for operation in try await ContractDocument.get(api).operations {
                let answer = try await api.call(
                    operation.method.uppercased(), operation.path.replacing("{id}", with: Self.unknownID))
                let needsToken = operation.json["security"] != nil
                #expect((answer.status == 401) == needsToken, "\(operation.method) \(operation.path): \(answer.status)")
            }
        }

        @Test("each number among the query's parameters has the bounds that the document gives")
        func parameters() async throws {
            let api = try Season.current.api
            var checked = 0
            for operation in try await ContractDocument.get(api).operations {
                for parameter in operation.json["parameters"]?.items ?? [] where parameter["in"] == "query" {
                    let name = try #require(parameter["name"]?.text)
                    guard let schema = parameter["schema"], schema["type"] == "integer" else { continue }
                    let least = try #require(schema["minimum"]?.integer)
                    let most = try #require(schema["maximum"]?.integer)
                    for (value, isGood) in [
                        ("\(least)", true), ("\(most)", true), ("\(least - 1)", false), ("\(most + 1)", false),
                        ("x", false),
                    ] {
                        let answer = try await api.get("\(operation.path)?\(name)=\(value)")
                        #expect(
                            (answer.status == 200) == isGood, "\(operation.path) \(name)=\(value): \(answer.status)")
                        checked += 1
                    }
                }
            }
            #expect(checked > 20)
        }

        @Test("the document has a validator, and is not sent twice")
        func validator() async throws {
            let api = try Season.current.api
            let tag = try #require(try await api.get("/openapi.json").headers["ETag"])
            let again = try await api.get("/openapi.json", headers: ["If-None-Match": tag])
            #expect(again.status == 304 && again.body.isEmpty)
        }

        @Test("the page to read it brings all it needs, and its policy allows nothing else")
        func page() async throws {
            let answer = try await Season.current.api.get("/docs")
            #expect(answer.status == 200 && answer.headers["Content-Type"] == "text/html; charset=utf-8")
            let policy = answer.headers["Content-Security-Policy"] ?? ""
            #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"))
            #expect(!policy.contains("unsafe") && !policy.contains("http"))
            #expect(!answer.text.contains("http://") && !answer.text.contains("https://"))
        }
    }
}
