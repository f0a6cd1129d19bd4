import Crypto
import Foundation
import Testing
import Transport

/// Our signatures beside those of AWS's own Python SDK.
@Suite("many machines: signatures", .serialized)
struct ManyMachinesSignatures {
    private struct Example: Decodable {
        let service, region, scheme, authority, path, method, body, signature: String
        let query, headers: [[String]]
        let token: String?
        let presigns: Bool
    }

    @Test("thousands of random requests are signed as botocore signs them", arguments: 1...3)
    func botocore(seed: Int) throws {
        let process = Process()
        process.executableURL = URL(filePath: try LocalAWS.variable("ANB_LOCAL_PYTHON"))
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "sign_with_botocore.py")
        process.arguments = [script.path, "2000", "\(seed)"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try #require(try pipe.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let examples = try output.split(separator: UInt8(ascii: "\n")).map {
            try JSONDecoder().decode(Example.self, from: Data($0))
        }
        #expect(examples.count == 2000)
        let wrong = examples.filter { Self.signature(of: $0) != $0.signature }
        #expect(wrong.isEmpty, "\(wrong.count), for example \(wrong.first.map { "\($0)" } ?? "")")
    }

    /// 2026-02-28T23:59:59Z
    private static let date = Date(timeIntervalSince1970: 1_772_323_199)

    private static func signature(of example: Example) -> String {
        let signer = SignatureV4(
            credentials: AWSCredentials(
                accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                sessionToken: example.token), region: example.region, service: example.service)
        var headers: HTTPHeaders = [:]
        for pair in example.headers { headers.append(name: pair[0], value: pair[1]) }
        let request = AWSRequest(
            method: example.method, scheme: example.scheme, authority: example.authority, path: example.path,
            query: example.query.map { .init($0[0], $0[1]) }, headers: headers,
            payload: example.presigns ? .unsigned : .hash(SignatureV4.sha256(Array(example.body.utf8))))
        if example.presigns {
            let url = signer.presigned(request, at: date, validFor: .seconds(3600)).url
            return String(url.split(separator: "X-Amz-Signature=").last ?? "")
        }
        let value = signer.signed(request, at: date).headers["Authorization"] ?? ""
        return String(value.split(separator: "Signature=").last ?? "")
    }
}
