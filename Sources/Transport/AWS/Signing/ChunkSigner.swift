import FoundationEssentials

/// Signs a body chunk by chunk (S3 API Reference, "Signature calculations for the authorization header: transferring
/// payload in multiple chunks"): each signature covers the one before it, the first that of the request. A chunk without
/// bytes ends the body.
///
/// Our own uploads do not need it: they carry a checksum in a signed header. It is for bodies that are not known before
/// they are sent.
package struct ChunkSigner: Sendable {
    /// What a request of that kind has for its payload's hash.
    static let payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    private static let algorithm = "AWS4-HMAC-SHA256-PAYLOAD"

    private let signer: SignatureV4
    private let time: Timestamp
    private var last: String

    /// - Parameters:
    ///   - seed: the signature of the request, whose payload is `.chunks`.
    ///   - date: that of the request.
    package init(_ signer: SignatureV4, seed: String, at date: Date) {
        self.signer = signer
        time = Timestamp(date)
        last = seed
    }

    /// Of the next chunk.
    package mutating func sign(_ chunk: [UInt8]) -> String {
        last = signer.signature(
            Self.algorithm, time, [last, SignatureV4.sha256([UInt8]()), SignatureV4.sha256(chunk)])
        return last
    }

    /// The next chunk as it is sent.
    package mutating func frame(_ chunk: [UInt8]) -> [UInt8] {
        let head = "\(String(chunk.count, radix: 16));chunk-signature=\(sign(chunk))\r\n"
        return Array(head.utf8) + chunk + Array("\r\n".utf8)
    }
}
