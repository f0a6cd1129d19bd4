import Hummingbird

/// The fields of a query, `application/x-www-form-urlencoded` as front ends send it; the first of a name counts.
struct QueryFields {
    private let fields: [(name: String, value: String)]

    init(_ request: Request) {
        fields = (request.uri.query ?? "").split(separator: "&").map { field in
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (
                PercentDecoding.decodeQuery(parts[0]), parts.count == 2 ? PercentDecoding.decodeQuery(parts[1]) : ""
            )
        }
    }

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}
