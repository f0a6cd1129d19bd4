import Testing
import Transport

/// A response, as the tests look at it.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Null where the body is no JSON: every expectation about it fails then.
    var json: JSON { (try? JSON.parse(body)) ?? .null }

    var detailText: String { json["detail"]?.text ?? "" }

    /// The fields that a 400 or 422 names, as `body.email`.
    var wrongFields: Set<String> {
        Set((json["detail"]?.items ?? []).map { ($0["loc"]?.items ?? []).compactMap(\.text).joined(separator: ".") })
    }
}

/// The contract's shape of every error: `detail` a string or an array of fields, `message` one sentence, and the ids
/// and headers that every response carries.
func expectError(
    _ answer: Answer, _ status: Int, _ fragments: String..., at location: SourceLocation = #_sourceLocation
) {
    guard answer.status == status else {
        Issue.record("\(answer.status) in place of \(status): \(answer.text.prefix(300))", sourceLocation: location)
        return
    }
    let message = answer.json["message"]?.text ?? ""
    #expect(!message.isEmpty, "no message: \(answer.text)", sourceLocation: location)
    switch answer.json["detail"] {
    case .text(let text)?: #expect(!text.isEmpty, sourceLocation: location)
    case .array(let problems)?:
        #expect(!problems.isEmpty, sourceLocation: location)
        for problem in problems {
            #expect(problem["type"]?.text?.isEmpty == false, sourceLocation: location)
            #expect(problem["msg"]?.text?.isEmpty == false, sourceLocation: location)
            let place = problem["loc"]?[0]?.text ?? ""
            #expect(["body", "query", "path"].contains(place), "\(problem)", sourceLocation: location)
        }
    default: Issue.record("no detail: \(answer.text)", sourceLocation: location)
    }
    #expect(answer.headers["Content-Type"]?.hasPrefix("application/json") == true, sourceLocation: location)
    #expect(answer.headers["X-Request-Id"]?.isEmpty == false, sourceLocation: location)
    for fragment in fragments {
        #expect(answer.text.contains(fragment), "\(fragment) is not in \(answer.text)", sourceLocation: location)
    }
}

/// Spanish first, English in brackets.
func expectBilingual(_ answer: Answer, at location: SourceLocation = #_sourceLocation) {
    guard answer.status >= 400 else { return }
    let message = answer.json["message"]?.text ?? ""
    let english = message.split(separator: "(", maxSplits: 1).dropFirst().first ?? ""
    #expect(
        !message.hasPrefix("(") && english.hasSuffix(")"), "not in two languages: \(message)", sourceLocation: location)
}

func expectUnauthorized(_ answer: Answer, at location: SourceLocation = #_sourceLocation) {
    expectError(answer, 401, at: location)
    guard answer.status == 401 else { return }
    #expect(answer.detailText.contains("Could not validate credentials"), sourceLocation: location)
    #expect(answer.headers["WWW-Authenticate"]?.hasPrefix("Bearer") == true, sourceLocation: location)
}

extension String {
    /// With the character that `\0` stands for: arguments of tests appear in reports, where a NUL would do harm.
    var withNUL: String { replacing("\\0", with: "\u{0}") }

    /// `2026-03-10T14:30:00Z`
    var isUTCTime: Bool {
        let pattern = Array("0000-00-00T00:00:00Z".utf8)
        return utf8.count == pattern.count
            && zip(utf8, pattern).allSatisfy { byte, expected in
                expected == UInt8(ascii: "0") ? (0x30...0x39).contains(byte) : byte == expected
            }
    }

    /// A version 4 UUID in lower case.
    var isLowerCaseUUID: Bool {
        let bytes = Array(utf8)
        guard bytes.count == 36, bytes[14] == UInt8(ascii: "4") else { return false }
        return bytes.enumerated().allSatisfy { index, byte in
            [8, 13, 18, 23].contains(index)
                ? byte == UInt8(ascii: "-") : (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
        }
    }
}
