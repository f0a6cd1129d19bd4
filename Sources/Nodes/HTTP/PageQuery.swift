import Actors
import Hummingbird

/// `skip`, `limit`, `page` and `cursor` of a list.
package struct PageQuery: Sendable, Equatable {
    package let skip: Int
    package let limit: Int

    /// Far beyond any contest, and far from overflow.
    package static let maximumSkip = 10_000_000

    /// - Throws: 400 for anything that is not a number in bounds.
    package init(_ request: Request, defaultLimit: Int, maximumLimit: Int) throws {
        let query = request.uri.queryParameters
        limit = try Self.number(query["limit"], in: 1...maximumLimit) ?? defaultLimit
        if let cursor = query["cursor"] {
            skip = try Self.number(Self.decode(cursor), in: 0...Self.maximumSkip) ?? 0
        } else if let page = try Self.number(query["page"], in: 1...Self.maximumSkip / maximumLimit) {
            skip = (page - 1) * limit
        } else {
            skip = try Self.number(query["skip"], in: 0...Self.maximumSkip) ?? 0
        }
    }

    private static func number(_ text: Substring?, in range: ClosedRange<Int>) throws -> Int? {
        guard let text else { return nil }
        guard let number = Int(text), range.contains(number), text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw APIError.invalidQuery }
        return number
    }

    /// RFC 8288 links to the neighbours, relative to the request; empty when there are none.
    package func links(path: String, query: [(String, String)], total: Int) -> String {
        var links: [String] = []
        func link(_ skip: Int, _ relation: String) {
            let fields = query + [("cursor", Self.encode(skip)), ("limit", String(limit))]
            let text = fields.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
            links.append("<\(path)?\(text)>; rel=\"\(relation)\"")
        }
        if skip + limit < total { link(skip + limit, "next") }
        if skip > 0 { link(max(0, skip - limit), "prev") }
        return links.joined(separator: ", ")
    }

    private static func encode(_ skip: Int) -> String { "o\(String(skip, radix: 36))" }

    private static func decode(_ cursor: Substring) throws -> Substring {
        guard cursor.first == "o", let skip = Int(cursor.dropFirst(), radix: 36) else { throw APIError.invalidQuery }
        return Substring(String(skip))
    }
}
