import Foundation
import Glibc
import Testing

extension Integration {
    /// Clients that are not ours, against one node: they know the contract or its document, and nothing else.
    @Suite("strangers", .serialized, .sharedNode("all")) struct ManyMachinesStrangers {
        private static func python() throws -> String {
            try #require(getenv("ANB_LOCAL_PYTHON").map { String(cString: $0) })
        }

        private static func script(_ name: String) -> String {
            FileManager.default.currentDirectoryPath + "/Tests/BlackBox/" + name
        }

        @Test("the contract, row by row (Tests/BlackBox/walk.py)")
        func walk() async throws {
            let folder = try #require(Stage.cluster).folder
            let clip = folder + "/walk.mp4"
            try Data(try await Clips.shared().small).write(to: URL(filePath: clip))
            let api = try Stage.current.api
            let output = try await RunningProgram.run(
                try Self.python(), [Self.script("walk.py"), api.origin, clip], in: folder)
            #expect(String(decoding: output, as: UTF8.self).contains(", 0 failed"))
        }

        /// Every operation with what its document allows and with what it does not, and every answer held against it.
        @Test("schemathesis finds no 5xx and no answer outside the document")
        func schemathesis() async throws {
            let api = try Stage.current.api
            let player = try await api.signUp()
            let video = try await api.upload(try await Clips.shared().small, by: player)
            _ = try await api.finished(video, of: player)
            let folder = try #require(Stage.cluster).folder
            let output = try await RunningProgram.run(
                try Self.python(), [Self.script("ask.py"), api.origin, player.token, video], in: folder)
            #expect(String(decoding: output, as: UTF8.self).contains("ask: no complaint"))
            #expect(try await api.get("/api/health").status == 200)
        }
    }
}
