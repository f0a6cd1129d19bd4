import Testing

extension Integration {
    @Suite("slow uploads, long", .serialized, FaultStage()) struct LongUploads {
        private static let fileBytes = 100_000_000
        private static let chunk = [UInt8](repeating: 0, count: 100_000)

        @Test("sixteen uploads of 100 MB at 1 MB/s each: all are taken, and the node never holds more than 150 MiB")
        func sixteen() async throws {
            let shared = try Stage.current.api
            let clip = try await Clips.shared().small
            let player = try await shared.signUp()
            try await Faults.with("api") { node in
                var connections: [RawConnection] = []
                for _ in 0..<16 { connections.append(try await Self.begin(clip, by: player, to: node)) }
                let clock = ContinuousClock()
                let start = clock.now
                var most = 0
                var rest = Self.fileBytes - clip.count - 8
                var tick = 0
                while rest > 0 {
                    tick += 1
                    let bytes = Self.chunk.prefix(rest)
                    for connection in connections {
                        #expect(try await connection.send(Array(bytes)), "refused: \(connection.text.prefix(300))")
                    }
                    rest -= bytes.count
                    most = max(most, ProcessTable.residentBytes(of: node.pid) ?? 0)
                    try await clock.sleep(until: start + .milliseconds(100 * tick))
                }
                let time = clock.now - start
                #expect(time < .seconds(130), "the node did not keep up with 16 MB/s: \(time)")
                let end =
                    "\r\n--\(MultipartForm.boundary)\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nLento\r\n"
                    + "--\(MultipartForm.boundary)--\r\n"
                for connection in connections { _ = try await connection.send(end) }
                for connection in connections {
                    try await connection.receive(within: .seconds(60)) { $0.contains("\"message\"") }
                    #expect(connection.text.hasPrefix("HTTP/1.1 201"), "\(connection.text.prefix(300))")
                    most = max(most, ProcessTable.residentBytes(of: node.pid) ?? 0)
                }
                print("most resident memory: \(most / 1_048_576) MiB")
                #expect(most > 0 && most <= 150 * 1_048_576, "\(most / 1_048_576) MiB")
            }
            #expect(try await shared.call("DELETE", "/api/auth", token: player.token).status == 204)
        }

        /// Head, clip, and the head of a box of the type free that fills the file (ISO/IEC 14496-12, 8.1.2).
        private static func begin(_ clip: [UInt8], by player: API.Player, to node: ClusterNode) async throws
            -> RawConnection
        {
            let head = MultipartForm.head(of: .file([]))
            let tailBytes = MultipartForm(parts: [.title("Lento")]).bytes.count + 2
            let connection = try RawConnection(port: node.port)
            _ = try await connection.send(
                "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(player.token)\r\n"
                    + "Content-Type: multipart/form-data; boundary=\(MultipartForm.boundary)\r\n"
                    + "Content-Length: \(head.count + fileBytes + tailBytes)\r\n\r\n")
            let box = withUnsafeBytes(of: UInt32(fileBytes - clip.count).bigEndian) { Array($0) } + Array("free".utf8)
            _ = try await connection.send(head + clip + box)
            return connection
        }
    }
}
