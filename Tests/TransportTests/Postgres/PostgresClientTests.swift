import FoundationEssentials
import Glibc
import Testing
import Transport

@Suite("A PostgreSQL client", .timeLimit(.minutes(2)))
struct PostgresClientTests {
    @Test("answers 64 callers at once on 4 connections, each with its own row")
    func concurrency() async throws {
        try await withClient { client in
            try await withThrowingTaskGroup(of: Int64?.self) { group in
                for caller in 0..<64 {
                    group.addTask {
                        var backend: Int64?
                        for turn in 0..<20 {
                            let value = Int64(caller * 1000 + turn)
                            let rows = try await client.query(.echo, [.int64(value)])
                            #expect(try rows[0].int64(0) == value)
                            backend = try await client.query(.backend)[0].int64(0)
                        }
                        return backend
                    }
                }
                let backends = try await Set(group.reduce(into: []) { $0.append($1) })
                #expect(backends.count <= 4)
            }
        }
    }

    @Test("returns every type as it was given, unicode, empty values and extremes included")
    func roundTrip() async throws {
        let sql = """
            SELECT $1::bool, $2::int4, $3::int8, $4::float8, $5::text, $6::uuid, $7::bytea, $8::timestamptz,
                   $9::int4[], $10::int8[], $11::text[], $12::uuid[], $13::text
            """
        let uuid = UUID()
        try await withClient { client in
            let rows = try await client.query(
                PostgresStatement("types", sql),
                [
                    .bool(true), .int32(.min), .int64(.max), .double(-0.1), .text("Bogotá 🏀 'x' \\"), .uuid(uuid),
                    .bytea([0, 255, 0]), .timestamp(microseconds: 1_700_000_000_123_456), .int32Array([1, -2]),
                    .int64Array([.min, .max]), .textArray(["", "ñ", "a,\"b\"{}"]), .uuidArray([uuid]), .null,
                ])
            let row = rows[0]
            #expect(try row.bool(0))
            #expect(try row.int32(1) == .min)
            #expect(try row.int64(1) == Int64(Int32.min))
            #expect(try row.int64(2) == .max)
            #expect(try row.double(3) == -0.1)
            #expect(try row.text(4) == "Bogotá 🏀 'x' \\")
            #expect(try row.uuid(5) == uuid)
            #expect(try row.bytes(6) == [0, 255, 0])
            #expect(try row.timestampMicroseconds(7) == 1_700_000_000_123_456)
            #expect(try row.int32Array(8) == [1, -2])
            #expect(try row.int64Array(9) == [.min, .max])
            #expect(try row.textArray(10) == ["", "ñ", "a,\"b\"{}"])
            #expect(try row.uuidArray(11) == [uuid])
            #expect(try row.optionalText(12) == nil)
            let empty = try await client.query(
                PostgresStatement("empty", "SELECT $1, $2, $3, to_timestamp(0), '{}'::jsonb"),
                [.text(""), .bytea([]), .int64Array([])])
            #expect(try empty[0].text(0) == "")
            #expect(try empty[0].bytes(1) == [])
            #expect(try empty[0].int64Array(2) == [])
            #expect(try empty[0].timestampMicroseconds(3) == 0)
            #expect(try empty[0].text(4) == "{}")
        }
    }

    @Test("throws for a wrong type, a NULL, and a column that is not there")
    func decoding() async throws {
        try await withClient { client in
            let sql = "SELECT 'x', NULL::int8, ARRAY[1, NULL], 'infinity'::timestamptz, ARRAY[[1, 2]], 1.5::numeric"
            let row = try await client.query(PostgresStatement("wrong", sql))[0]
            func expectDecoding(_ column: Int, _ read: () throws(PostgresError) -> Void) {
                do throws(PostgresError) {
                    try read()
                    Issue.record("column \(column) was read")
                } catch {
                    guard case .decoding(column: column, _) = error else {
                        Issue.record("\(error)")
                        return
                    }
                }
            }
            expectDecoding(0) { () throws(PostgresError) in _ = try row.int64(0) }
            expectDecoding(1) { () throws(PostgresError) in _ = try row.int64(1) }
            expectDecoding(2) { () throws(PostgresError) in _ = try row.int32Array(2) }
            expectDecoding(3) { () throws(PostgresError) in _ = try row.timestampMicroseconds(3) }
            expectDecoding(4) { () throws(PostgresError) in _ = try row.int32Array(4) }
            expectDecoding(5) { () throws(PostgresError) in _ = try row.double(5) }
            expectDecoding(6) { () throws(PostgresError) in _ = try row.text(6) }
            expectDecoding(-1) { () throws(PostgresError) in _ = try row.text(-1) }
        }
    }

    @Test("prepares a statement anew for other parameter types, and after the server forgot it")
    func preparing() async throws {
        try await withClient({ $0.poolSize = 1 }) { client in
            #expect(try await client.query(.echo, [.int64(7)])[0].int64(0) == 7)
            #expect(try await client.query(.echo, [.text("7")])[0].text(0) == "7")
            #expect(try await client.query(.echo, [.null])[0].optionalInt64(0) == nil)
            try await client.execute(script: "DEALLOCATE ALL")
            #expect(try await client.query(.echo, [.int64(8)])[0].int64(0) == 8)
            try await client.execute(script: "CREATE TABLE pg_temp.shape (a int8); INSERT INTO shape VALUES (1)")
            let all = PostgresStatement("shape", "SELECT * FROM shape")
            #expect(try await client.query(all)[0].columnCount == 1)
            try await client.execute(script: "ALTER TABLE shape ADD COLUMN b int8")
            #expect(try await client.query(all)[0].columnCount == 2)
        }
    }

    @Test("passes on the server's code, message and constraint, and counts rows")
    func serverErrors() async throws {
        try await withClient({ $0.poolSize = 1 }) { client in
            try await client.execute(script: "CREATE TABLE pg_temp.names (name text CONSTRAINT only_once UNIQUE)")
            let insert = PostgresStatement("insert", "INSERT INTO names SELECT unnest($1)")
            let inserted = try await client.query(insert, [.textArray(["a", "b"])])
            #expect(inserted.affectedRows == 2)
            #expect(inserted.isEmpty)
            let error = await #expect(throws: PostgresError.self) {
                try await client.query(insert, [.textArray(["a"])])
            }
            guard case .server("23505", _, "only_once") = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            let tooMany = PostgresStatement("many", "SELECT 1")
            let refused = await #expect(throws: PostgresError.self) {
                try await client.query(tooMany, Array(repeating: .null, count: 70_000))
            }
            guard case .server("54000", _, nil) = refused else {
                Issue.record("\(String(describing: refused))")
                return
            }
            await #expect(throws: PostgresError.self) { try await client.execute(script: "COPY names TO STDOUT") }
            #expect(try await client.query(.one)[0].int64(0) == 1)
        }
    }

    @Test("sets session settings on every connection, and reports a commit that fails behind its rows")
    func settings() async throws {
        let change = { @Sendable (configuration: inout PostgresConfiguration) in
            configuration.sessionSettings = [("plan_cache_mode", "force_generic_plan"), ("anb.note", "it's \\ so")]
        }
        try await withClient(change) { client in
            let show = PostgresStatement(
                "show", "SELECT current_setting('plan_cache_mode'), current_setting('anb.note')")
            let row = try await client.query(show)[0]
            #expect(try row.text(0) == "force_generic_plan")
            #expect(try row.text(1) == "it's \\ so")
            let script = """
                CREATE TABLE late (id int8 PRIMARY KEY, parent int8 REFERENCES late DEFERRABLE INITIALLY DEFERRED)
                """
            try await client.execute(script: script)
            let insert = PostgresStatement("late", "INSERT INTO late VALUES (1, 2) RETURNING id")
            let error = await #expect(throws: PostgresError.self) { try await client.query(insert) }
            guard case .server("23503", _, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("refuses a malformed URL and takes a good one")
    func urls() async throws {
        #expect(throws: InvalidPostgresURL.self) { try PostgresConfiguration.parse(url: "mysql://x") }
        #expect(throws: InvalidPostgresURL.self) { try PostgresConfiguration.parse(url: "postgres://h/?nonsense=1") }
        let folder = PrivatePostgres.shared.folder.replacing("/", with: "%2F")
        let parsed = try PostgresConfiguration.parse(url: "postgres://app@\(folder)/postgres")
        try await withClient({ $0.parameters = parsed.parameters }) { client in
            let rows = try await client.query(.one)
            #expect(try rows[0].int64(0) == 1)
        }
    }

    @Test("reaches a server by an inherited descriptor of its folder")
    func descriptor() async throws {
        let folder = open(PrivatePostgres.shared.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(folder) }
        try await withClient({ $0.parameters[0].value = "/proc/self/fd/\(folder)" }) { client in
            let rows = try await client.query(.one)
            #expect(try rows[0].int64(0) == 1)
        }
    }

    @Test("sends and receives more than the kernel's buffers hold")
    func bulk() async throws {
        try await withClient { client in
            let bytes = [UInt8](repeating: 7, count: 8 << 20)
            let echoed = try await client.query(.echo, [.bytea(bytes)])
            #expect(try echoed[0].bytes(0) == bytes)
            let series = PostgresStatement("series", "SELECT n FROM generate_series(1, $1) n")
            let rows = try await client.query(series, [.int64(100_000)])
            #expect(rows.count == 100_000)
            #expect(try rows[99_999].int64(0) == 100_000)
        }
    }
}
