/// An upload whose client sends as much as the test says, when it says so. Used by one task.
final class OpenUpload {
    private let connection: RawConnection
    private let body: [UInt8]
    private var sent = 0

    /// Sends the head and the first `count` bytes of the body, and returns when the node is spooling them.
    init(_ clip: [UInt8], to node: ClusterNode, by player: API.Player, first count: Int = 4000) async throws {
        body = MultipartForm.video(clip, title: "Despacio").bytes
        connection = try RawConnection(port: node.port)
        let cluster = try Integration.Faults.cluster
        let before = cluster.temporaryFiles.count
        _ = try await connection.send(
            "POST /api/videos/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(player.token)\r\n"
                + "Content-Type: multipart/form-data; boundary=\(MultipartForm.boundary)\r\n"
                + "Content-Length: \(body.count)\r\n\r\n")
        try await send(count)
        try await untilTrue("the upload is spooled") { cluster.temporaryFiles.count > before }
    }

    func send(_ count: Int) async throws {
        let end = min(sent + count, body.count)
        _ = try await connection.send(Array(body[sent..<end]))
        sent = end
    }

    /// Sends the rest.
    /// - Returns: the response as it came.
    func finish(within bound: Duration = .seconds(15)) async throws -> String {
        try await send(body.count - sent)
        try await connection.receive(within: bound) { $0.contains("\r\n\r\n") && $0.contains("}") }
        return connection.text
    }

    func close() { connection.close() }

    /// The video's id in a response.
    static func videoID(in response: String) -> String? {
        guard let start = response.firstRange(of: "\"video_id\":\"") else { return nil }
        let id = response[start.upperBound...].prefix(36)
        return id.count == 36 ? String(id) : nil
    }
}
