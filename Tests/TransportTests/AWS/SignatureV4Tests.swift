import FoundationEssentials
import Testing
import Transport

/// The vectors of the S3 API Reference, "Authenticating Requests: Using the Authorization Header" and "… Using Query
/// Parameters".
@Suite("Signature Version 4")
struct SignatureV4Tests {
    private static let signer = SignatureV4(
        credentials: AWSCredentials(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1", service: "s3")
    /// 2013-05-24T00:00:00Z
    private static let date = Date(timeIntervalSince1970: 1_369_353_600)
    private static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private static func request(
        _ method: String, _ path: String, query: [AWSRequest.QueryItem] = [], headers: HTTPHeaders = [:],
        payload: AWSRequest.Payload = .hash(emptyHash)
    ) -> AWSRequest {
        AWSRequest(
            method: method, authority: "examplebucket.s3.amazonaws.com", path: path, query: query, headers: headers,
            payload: payload)
    }

    struct Vector: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let request: AWSRequest
        let signature: String
    }

    static let vectors = [
        Vector(
            testDescription: "GET object", request: request("GET", "/test.txt", headers: ["Range": "bytes=0-9"]),
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        Vector(
            testDescription: "PUT object",
            request: request(
                "PUT", "/test$file.text",
                headers: [
                    "Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY",
                ], payload: .hash("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")),
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        Vector(
            testDescription: "GET bucket lifecycle", request: request("GET", "/", query: [.init("lifecycle", "")]),
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        Vector(
            testDescription: "list objects",
            request: request("GET", "/", query: [.init("max-keys", "2"), .init("prefix", "J")]),
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ]

    @Test("requests are signed in their headers as the published vectors are", arguments: vectors)
    func headers(vector: Vector) throws {
        let signed = Self.signer.signed(vector.request, at: Self.date)
        let authorization = try #require(signed.headers["Authorization"])
        #expect(authorization.hasSuffix("Signature=\(vector.signature)"), "\(authorization)")
        #expect(authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"))
        #expect(signed.headers["X-Amz-Date"] == "20130524T000000Z")
    }

    @Test("a presigned URL is the published one")
    func presigned() {
        let made = Self.signer.presigned(
            Self.request("GET", "/test.txt", payload: .unsigned), at: Self.date, validFor: .seconds(86400))
        #expect(
            made.url
                == "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }

    @Test("a session's token is signed, and credentials never show their secret")
    func session() {
        let credentials = AWSCredentials(accessKeyID: "AKIA", secretAccessKey: "hush", sessionToken: "token")
        let signer = SignatureV4(credentials: credentials, region: "eu-west-1", service: "sqs")
        let signed = signer.signed(
            AWSRequest(method: "POST", authority: "sqs.eu-west-1.amazonaws.com", payload: .hash(Self.emptyHash)),
            at: Self.date)
        #expect(signed.headers["X-Amz-Security-Token"] == "token")
        #expect(signed.headers["Authorization"]?.contains("x-amz-security-token") == true)
        #expect(!"\(credentials)".contains("hush") && !"\(credentials)".contains("token"))
    }
}
