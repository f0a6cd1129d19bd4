import FoundationEssentials
import Glibc
import Logging
import Testing
import Transport

/// Counts of this whole process would see the clients of other tests: these look for the names of this client's own.
@Suite("The end of a PostgreSQL client", .timeLimit(.minutes(2)))
struct PostgresShutdownTests {
    @Test("leaves no thread and no descriptor behind")
    func nothingIsLeft() async throws {
        try await #require(processExitsWith: .success) {
            let server = PrivatePostgres()
            defer { server.remove() }
            // Whatever the process opens once and keeps is open before the count.
            try await lifeOfClient(server)
            let before = try (count("fd"), threads())
            for _ in 0..<5 { try await lifeOfClient(server) }
            #expect(try count("fd") == before.0)
            #expect(try threads() == [])
            #expect(before.1 == [])
        }
    }
}

private func lifeOfClient(_ server: PrivatePostgres) async throws {
    try await withClient(of: server) { client in
        var stream = client.notifications(channel: "life").makeAsyncIterator()
        _ = await stream.next()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { _ = try? await client.query(.sleep, [.double(0.01), .int64(0)]) }
            }
        }
        let task = Task { try await client.query(.sleep, [.double(60), .int64(0)], deadline: .seconds(60)) }
        task.cancel()
        _ = await task.result
        let names = try threads()
        #expect(names == ["postgres", "postgres-cancel"])
    }
}

private func count(_ folder: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/\(folder)").count
}

/// The names of this process's threads that belong to a client.
private func threads() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").compactMap { task in
        let name = try? String(contentsOf: URL(filePath: "/proc/self/task/\(task)/comm"), encoding: .utf8)
        guard let name, name.hasPrefix("postgres") else { return nil }
        return String(name.dropLast())
    }.sorted()
}
