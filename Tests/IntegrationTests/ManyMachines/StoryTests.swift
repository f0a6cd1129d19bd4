import Foundation
import Glibc
import Testing
import Transport

extension Integration {
    /// No test talks to one node only: requests go to either in turn.
    @Suite("many machines: the story", .serialized, MachineStage()) struct ManyMachinesStory {
        @Test("a clip goes the whole way from one node to the other, and plays from S3 for anyone")
        func wholeWay() async throws {
            let machines = try Machines.current
            let clips = try await Clips.shared()
            try await machines.withWorkers { _ in
                let player = try await machines.api(0).signUp()
                let fan = try await machines.api(1).signUp(first: "Luz", last: "Mora")
                let answer = try await machines.api(1).post(
                    "/api/videos/upload", .video(clips.small, title: "Triple"), token: player.token)
                #expect(answer.status == 201)
                #expect((answer.json["estimated_wait_seconds"]?.number ?? 0) >= 1)
                let id = try #require(answer.json["video_id"]?.text)
                try await machines.expectProcessed(id, of: player)
                let listed = try await machines.api(0).get("/api/public/videos").json.items ?? []
                let url = try #require(listed.first { $0["video_id"]?.text == id }?["processed_url"]?.text)
                #expect(url.contains("X-Amz-Signature="))
                let film = try await machines.api(0).get(url)
                #expect(film.status == 200 && film.headers["Content-Type"] == "video/mp4")
                #expect(film.body.count > 10_000)
                let part = try await machines.api(1).get(url, headers: ["Range": "bytes=0-99"])
                #expect(part.status == 206 && part.body.count == 100)
                let redirect = try await machines.api(1).get("/api/videos/original/\(id)", token: player.token)
                #expect(redirect.status == 302)
                #expect(try await machines.api(0).vote(id, by: fan).status == 200)
                #expect(try await machines.api(1).vote(id, by: fan).status == 400)
                try await machines.expectWhole()
                #expect(
                    try await machines.api(1).ranking(city: "Bogot%C3%A1").contains {
                        $0["username"]?.text == player.username
                    })
            }
        }

        @Test("an upload in parts, a deletion, an erasure: nothing of them is left")
        func removal() async throws {
            let machines = try Machines.current
            let player = try await machines.api(0).signUp()
            let large = try await Clips.shared().small.padded(to: 21_000_000)
            let first = try await machines.api(0).upload(large, by: player)
            let second = try await machines.api(1).upload(large, by: player)
            let answer = try await machines.api(1).call("DELETE", "/api/videos/\(first)", token: player.token)
            #expect(answer.status == 200)
            #expect(try await machines.objects().contains("original/\(second).mp4"))
            #expect(try await machines.api(0).call("DELETE", "/api/auth", token: player.token).status == 204)
            #expect(try await machines.api(1).get("/api/auth/me", token: player.token).status == 401)
            try await machines.withWorkers { _ in try await machines.expectWhole() }
            #expect(try await machines.objects().allSatisfy { !$0.contains(first) && !$0.contains(second) })
        }

        @Test("commands see queue, letters, trace and permissions; provisioning a second time changes nothing")
        func commands() async throws {
            let machines = try Machines.current
            func run(_ words: String...) async throws -> JSON {
                let output = try await RunningProgram.run(
                    "/usr/bin/env",
                    try Machines.environment().map { "\($0.key)=\($0.value)" } + [Cluster.binary()] + words + ["--json"]
                        + ["dataDir=\(machines.cluster.folder)/operator"], in: machines.cluster.folder)
                return try JSON.parse(output)
            }
            let player = try await machines.api(0).signUp()
            let id = try await machines.api(0).upload(try await Clips.shared().small, by: player)
            try await untilTrue("the message is in the queue") {
                try await run("queue")["queue"]?["visible"]?.number ?? 0 >= 1
            }
            try await machines.withWorkers { _ in try await machines.expectProcessed(id, of: player) }
            let events = try await run("video", "trace", id).items ?? []
            #expect(events.count >= 3)
            #expect(try await run("dlq", "list").items == [])
            let provisioned = try await run("provision").items ?? []
            #expect(
                provisioned.count == 6
                    && provisioned.allSatisfy { $0["verdict"] == "ok" || $0["verdict"] == "unsupported" },
                "\(provisioned)")
            let checks = try await run("doctor", "port=0").items ?? []
            #expect(checks.allSatisfy { $0["verdict"] != "fail" }, "\(checks)")
            let findings = checks.compactMap { $0["finding"]?.text }.joined(separator: "\n")
            for permission in ["s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "of environment"] {
                #expect(findings.contains(permission), "\(findings)")
            }
            let environment = try Machines.environment()
            for secret in ["AWS_SECRET_ACCESS_KEY", "ANB_AUTH_KEYS", "DATABASE_URL"] {
                let value = try #require(environment[secret])
                #expect(!findings.contains(value), "\(secret) is printed")
            }
        }

        @Test("secrets are in no argument and in no log of any node")
        func secrets() async throws {
            let machines = try Machines.current
            let environment = try Machines.environment()
            let password = try #require(
                environment["DATABASE_URL"]?.split(separator: "@").first?.split(separator: ":").last)
            let key = try #require(environment["ANB_AUTH_KEYS"]?.split(separator: ":").last)
            let secret = try #require(environment["AWS_SECRET_ACCESS_KEY"])
            for node in machines.apis {
                let arguments = String(decoding: Files.bytes("/proc/\(node.pid)/cmdline") ?? [], as: UTF8.self)
                for text in [arguments, node.program.errors, node.program.output] {
                    #expect(!text.contains(password) && !text.contains(key) && !text.contains(secret))
                }
            }
        }
    }
}

extension [UInt8] {
    /// A valid MP4 of this size: a `free` box is added (ISO/IEC 14496-12, 8.1.2).
    func padded(to size: Int) -> [UInt8] {
        let rest = size - count
        precondition(rest >= 8)
        let length = UInt32(rest)
        let head = [UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
        return self + head + Array("free".utf8) + [UInt8](repeating: 0, count: rest - 8)
    }
}
