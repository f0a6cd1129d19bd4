import Synchronization
import Testing
import Transport

/// `/openapi.json` as a client reads it. Every answer that any test of this suite gets is held against it.
struct ContractDocument: Sendable {
    let json: JSON

    private static let known = Mutex<ContractDocument?>(nil)

    /// Read once: all nodes of one binary have the same.
    static func get(_ api: API) async throws -> ContractDocument {
        if let known = known.withLock({ $0 }) { return known }
        let request = HTTPClientRequest(method: "GET", url: api.origin + "/openapi.json")
        let response = try await api.client.send(request, deadline: .seconds(10), maxBodyBytes: 4_000_000)
        let document = ContractDocument(json: try JSON.parse(response.body))
        known.withLock { $0 = document }
        return document
    }

    /// Operations by path template and method in lower case.
    var operations: [(path: String, method: String, json: JSON)] {
        (json["paths"]?.members ?? [:]).flatMap { path, methods in
            (methods.members ?? [:]).map { (path, $0.key, $0.value) }
        }
    }

    /// What is wrong with an answer; nil for one that is as the document says, or to no route of it.
    func complaint(_ method: String, _ path: String, _ answer: Answer) -> String? {
        let words = path.prefix { $0 != "?" }.split(separator: "/")
        let asked = method == "HEAD" ? "get" : method.lowercased()
        guard
            let operation = operations.filter({ $0.method == asked && Self.matches($0.path, words) })
                // Fixed words win over parameters.
                .min(by: { $0.path.filter { $0 == "{" }.count < $1.path.filter { $0 == "{" }.count })
        else { return nil }
        guard let response = operation.json["responses"]?["\(answer.status)"] else {
            return "\(method) \(operation.path): \(answer.status) is not in the document"
        }
        for name in response["headers"]?.names ?? [] where answer.headers[name] == nil {
            // The only neighbour that a page of a list need not have.
            if name != "Link" { return "\(method) \(operation.path): \(answer.status) without \(name)" }
        }
        // What is compressed is the same list.
        guard method != "HEAD", answer.headers["Content-Encoding"] == nil,
            let schema = response["content"]?["application/json"]?["schema"]
        else { return nil }
        guard let body = try? JSON.parse(answer.body) else { return "\(method) \(path): the body is no JSON" }
        return complaint(about: body, schema, at: "\(method) \(operation.path) \(answer.status)")
    }

    private static func matches(_ template: String, _ words: [Substring]) -> Bool {
        let wanted = template.split(separator: "/")
        return wanted.count == words.count && zip(wanted, words).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }

    /// The part of JSON Schema that the document uses.
    private func complaint(about value: JSON, _ schema: JSON, at place: String) -> String? {
        if let reference = schema["$ref"]?.text {
            let name = reference.split(separator: "/").last ?? ""
            guard let component = json["components"]?["schemas"]?[String(name)] else {
                return "\(reference) is nowhere"
            }
            return complaint(about: value, component, at: place)
        }
        if let choices = schema["oneOf"]?.items {
            let fitting = choices.filter { complaint(about: value, $0, at: place) == nil }
            return fitting.count == 1 ? nil : "\(place): \(value) is \(fitting.count) of the alternatives"
        }
        if let words = schema["enum"]?.items, !words.contains(value) { return "\(place): \(value) is none of \(words)" }
        switch (schema["type"]?.text, value) {
        case ("string", .text(let text)):
            if let least = schema["minLength"]?.number, Double(text.unicodeScalars.count) < least {
                return "\(place): \"\(text)\" is too short"
            }
        case ("integer", .number(let number)) where number == number.rounded(), ("number", .number(let number)):
            if let least = schema["minimum"]?.number, number < least { return "\(place): \(number) < \(least)" }
            if let most = schema["maximum"]?.number, number > most { return "\(place): \(number) > \(most)" }
        case ("boolean", .flag), ("null", .null): break
        case ("array", .array(let items)):
            guard let schema = schema["items"] else { return nil }
            for (index, item) in items.enumerated() {
                if let found = complaint(about: item, schema, at: "\(place)[\(index)]") { return found }
            }
        case ("object", .object(let members)):
            for name in (schema["required"]?.items ?? []).compactMap(\.text) where members[name] == nil {
                return "\(place): \(name) is missing"
            }
            for (name, member) in members {
                guard let known = schema["properties"]?[name] else {
                    // A plain object promises nothing of its members.
                    if schema["properties"] == nil { continue }
                    return "\(place): \(name) is not in the document"
                }
                if let found = complaint(about: member, known, at: "\(place).\(name)") { return found }
            }
        default: return "\(place): \(value) is no \(schema["type"]?.text ?? "?")"
        }
        return nil
    }
}
