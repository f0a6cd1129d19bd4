import Actors
import Transport

extension DomainDatabase {
    func makeWriter() async throws -> WriterID {
        let writer: WriterID = id()
        try await votes.register(writer)
        return writer
    }

    /// One batch of a fresh writer.
    func cast(_ requests: [VoteRequest], allowSelfVote: Bool = false) async throws -> [VoteVerdict] {
        let batch = VoteBatch(writer: try await makeWriter(), number: 1, requests: requests)
        return try await votes.cast(batch, allowSelfVote: allowSelfVote)
    }

    /// Votes of each player, counted anew.
    func recount() async throws -> [UserID: Int] {
        try await votes.snapshot().tallies.reduce(into: [:]) { $0[$1.player.id] = $1.votes }
    }
}

extension TestDatabase {
    /// Many accounts by one statement.
    func makeVoters(_ count: Int) async throws -> [UserID] {
        let ids: [UserID] = (0..<count).map { _ in id() }
        try await client.query(Self.insertVoters, [.uuidArray(ids.map(\.uuid))])
        return ids
    }

    private static let insertVoters = PostgresStatement(
        "test_insert_voters",
        """
        INSERT INTO users (id, first_name, last_name, email, email_folded, city, city_folded, country, username,
            password_hash)
        SELECT id, 'V', 'V', id || '@example.com', id || '@example.com', 'Cali', 'cali', 'CO', id::text, 'h'
        FROM unnest($1::uuid[]) AS t (id)
        """)

    /// Makes each commit of a batch run `body` of PL/pgSQL first.
    func atCommitOfBatches(_ body: String) async throws {
        try await sql(
            """
            CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \(body) RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON vote_batches DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION at_commit()
            """)
    }
}
