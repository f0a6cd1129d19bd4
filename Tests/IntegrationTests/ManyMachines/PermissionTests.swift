import Foundation
import Glibc
import Testing
import Transport

extension Integration {
    @Suite("many machines: permissions", .serialized, MachineStage()) struct ManyMachinesPermissions {
        @Test("each call that a role makes is in its policy, and nothing else is")
        func policies() async throws {
            let machines = try Machines.current
            let clips = try await Clips.shared()
            let player = try await machines.api(0).signUp()
            var workers: [ClusterNode] = []
            try await machines.withWorkers { running in
                workers = running
                let small = try await machines.api(0).upload(clips.small, by: player)
                let large = clips.small.padded(to: 21_000_000)
                let rule = #"{"service":"s3","operation":"PutObject","error":{"code":"InternalError","status":500}}"#
                let refused = try await FaultProxy.with(.s3, rule) {
                    try await machines.api(1).post(
                        "/api/videos/upload", .video(large, title: "x"), token: player.token)
                }
                #expect(refused.status == 503)
                try await machines.expectProcessed(small, of: player)
                // However fast the machine is: its ffmpeg rests until a heartbeat was needed.
                let beating = try await machines.api(0).upload(clips.long, by: player)
                let encoder = try await eventually("ffmpeg runs", within: .seconds(20)) {
                    ProcessTable.encoders(of: running[0].pid).first
                }
                kill(encoder, SIGSTOP)
                try await untilTrue("the lease is extended", within: .seconds(20)) {
                    try Self.actions(running[0]).contains("sqs:ChangeMessageVisibility")
                }
                kill(encoder, SIGCONT)
                try await machines.expectProcessed(beating, of: player)
                // The worker finds its row gone after it has stored what it made.
                let long = try await machines.api(1).upload(clips.long, by: player)
                _ = try await eventually("ffmpeg runs", within: .seconds(20)) {
                    ProcessTable.encoders(of: running[0].pid).first
                }
                kill(running[0].pid, SIGSTOP)
                _ = try await machines.api(0).call("DELETE", "/api/videos/\(long)", token: player.token)
                kill(running[0].pid, SIGCONT)
                // A letter that the Reconciler drops: of a video that is gone.
                try await machines.sendLetter(#"{"format":1,"video_id":"\#(long)","dispatch":1}"#)
                try await untilTrue("the letter is judged", within: .seconds(30)) {
                    try await machines.depth("anb-video-processing-dlq") == 0
                }
                try await machines.expectWhole()
                try await untilTrue("API nodes have looked at the queue", within: .seconds(20)) {
                    try machines.apis.allSatisfy { try Self.actions($0).contains("sqs:GetQueueAttributes") }
                }
            }
            let api = try machines.apis.reduce(into: Set<String>()) { $0.formUnion(try Self.actions($1)) }
            let wanted = try Self.policy("api")
            #expect(api == wanted, "\(api.symmetricDifference(wanted))")
            let worker = try Self.actions(workers[0])
            let allowed = try Self.policy("worker")
            #expect(worker.isSubset(of: allowed), "\(worker.subtracting(allowed))")
            // Rare: parts are of results above 16 MiB, and a store goes wrong after a row went away.
            #expect(allowed.subtracting(worker).isSubset(of: ["s3:AbortMultipartUpload", "s3:DeleteObject"]))
        }

        private static func actions(_ node: ClusterNode) throws -> Set<String> {
            var actions: Set<String> = []
            for line in node.program.errors.split(separator: "\n") where line.contains("aws call") {
                if let action = try? JSON.parse(Array(line.utf8))["action"]?.text { actions.insert(action) }
            }
            return actions
        }

        private static func policy(_ role: String) throws -> Set<String> {
            let path = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../../deploy/iam/\(role).json").standardizedFileURL.path
            let policy = try JSON.parse(try #require(Files.bytes(path)))
            return Set((policy["Statement"]?.items ?? []).flatMap { $0["Action"]?.items ?? [] }.compactMap(\.text))
        }
    }
}
