import Actors
import Hummingbird

/// `skip`, `limit`, `page` and `cursor` of a list.
package struct PageQuery: Sendable, Equatable {
    package let skip: Int
    package let limit: Int
    /// Of a list whose order moves: the moment that its first page was read at.
    package let asOf: Int64?

    /// Far beyond any contest, and far from overflow.
    package static let maximumSkip = 10_000_000
    /// 2100-01-01, in microseconds since 1970.
    private static let latest: Int64 = 4_102_444_800_000_000

    /// - Throws: 400 for anything that is not a number in bounds.
    /// - Parameter moves: whether order may move while one reads, so that cursors name a moment.
    package init(_ request: Request, defaultLimit: Int, maximumLimit: Int, moves: Bool = false) throws {
        let query = QueryFields(request)
        limit = try Self.number(query["limit"], in: 1...maximumLimit) ?? defaultLimit
        // All of them are looked at, whichever counts.
        let page = try Self.number(query["page"], in: 1...Self.maximumSkip / maximumLimit)
        let given = try Self.number(query["skip"], in: 0...Self.maximumSkip)
        if let cursor = query["cursor"] {
            (skip, asOf) = try Self.decode(cursor, moves: moves)
        } else {
            skip = page.map { [limit] page in (page - 1) * limit } ?? given ?? 0
            asOf = nil
        }
    }

    private static func number(_ text: String?, in range: ClosedRange<Int>) throws -> Int? {
        guard let text else { return nil }
        guard let number = Int(text), range.contains(number), text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw APIError.invalidQuery }
        return number
    }

    /// RFC 8288 links to the neighbours, relative to the request; empty when there are none.
    /// - Parameter asOf: the moment of this page, for a list whose order moves.
    package func links(path: String, query: [(String, String)], total: Int, asOf: Int64? = nil) -> String {
        guard skip > 0 || skip + limit < total else { return "" }
        var links: [String] = []
        func link(_ skip: Int, _ relation: String) {
            let fields = query + [("cursor", Self.encode(skip, asOf)), ("limit", String(limit))]
            let text = fields.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
            links.append("<\(path)?\(text)>; rel=\"\(relation)\"")
        }
        if skip + limit < total { link(skip + limit, "next") }
        if skip > 0 { link(max(0, skip - limit), "prev") }
        return links.joined(separator: ", ")
    }

    private static func encode(_ skip: Int, _ asOf: Int64?) -> String {
        let place = String(skip, radix: 36)
        return asOf.map { "c\(String($0, radix: 36))-\(place)" } ?? "o\(place)"
    }

    private static func decode(_ cursor: String, moves: Bool) throws -> (skip: Int, asOf: Int64?) {
        guard cursor.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }), cursor.first == (moves ? "c" : "o") else {
            throw APIError.invalidQuery
        }
        let parts = cursor.dropFirst().split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == (moves ? 2 : 1), let skip = Int(parts[parts.count - 1], radix: 36),
            (0...maximumSkip).contains(skip)
        else { throw APIError.invalidQuery }
        guard moves else { return (skip, nil) }
        guard let asOf = Int64(parts[0], radix: 36), (0...latest).contains(asOf) else { throw APIError.invalidQuery }
        return (skip, asOf)
    }
}
