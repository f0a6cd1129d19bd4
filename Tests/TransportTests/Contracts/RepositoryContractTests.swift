import Testing

@Suite("many machines: the contract of repositories")
struct ManyMachinesRepositories {
    @Test("the repositories' suites of this run talk to their database over TCP with TLS")
    func encrypted() async throws {
        _ = try LocalAWS.variable("ANB_LOCAL_DATABASE_URL")
        try await withDatabase { database in
            let own = "SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"
            let encrypted = try await database.number(own)
            #expect(encrypted == 1)
        }
    }
}
