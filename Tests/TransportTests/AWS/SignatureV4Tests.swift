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

    /// 66,560 times "a", in chunks of 64 KiB.
    @Test("a body in chunks is signed as the published example is")
    func chunks() throws {
        let request = AWSRequest(
            method: "PUT", authority: "s3.amazonaws.com", path: "/examplebucket/chunkObject.txt",
            headers: [
                "x-amz-storage-class": "REDUCED_REDUNDANCY", "Content-Encoding": "aws-chunked",
                "x-amz-decoded-content-length": "66560", "Content-Length": "66824",
            ], payload: .chunks)
        let authorization = try #require(Self.signer.signed(request, at: Self.date).headers["Authorization"])
        let seed = try #require(authorization.split(separator: "=").last.map(String.init))
        #expect(seed == "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
        var signer = ChunkSigner(Self.signer, seed: seed, at: Self.date)
        var body = signer.frame([UInt8](repeating: 0x61, count: 65536))
        let first = "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
        #expect(body.starts(with: first.utf8))
        body += signer.frame([UInt8](repeating: 0x61, count: 1024))
        let end = "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
        body += signer.frame([])
        #expect(String(decoding: body.suffix(end.utf8.count), as: UTF8.self) == end)
        #expect(body.count == 66824)
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
