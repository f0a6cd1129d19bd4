import Actors
import Crypto
import FoundationEssentials

/// Signs and checks the local store's URLs: `/media/{key}?expires&type&signature`, an HMAC over what they grant.
package struct MediaURLSigner: Sendable {
    /// What a valid URL grants.
    package struct Grant: Sendable, Equatable {
        package let key: ObjectKey
        package let contentType: String
        package let downloadName: String?
        /// Seconds since 1970.
        package let expires: Int64

        package init(key: ObjectKey, contentType: String, downloadName: String?, expires: Int64) {
            self.key = key
            self.contentType = contentType
            self.downloadName = downloadName
            self.expires = expires
        }
    }

    package static let pathPrefix = "/media/"

    private let key: SymmetricKey

    /// - Parameter secret: the data folder's; a subkey of its own is derived from it (HKDF, RFC 5869).
    package init(secret: [UInt8]) {
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: secret), info: Data("anb media urls".utf8), outputByteCount: 32)
    }

    package func url(for request: SignedURLRequest, expiresAt: Date) -> String {
        let grant = Grant(
            key: request.key, contentType: request.contentType, downloadName: request.downloadName,
            expires: Int64(expiresAt.timeIntervalSince1970))
        var url = "\(request.origin)\(Self.pathPrefix)\(grant.key)?expires=\(grant.expires)&type=\(grant.contentType)"
        if let name = grant.downloadName { url += "&name=\(name)" }
        return url + "&signature=\(signature(of: grant))"
    }

    /// Compares in constant time.
    package func isValid(_ grant: Grant, signature: String, at now: Date) -> Bool {
        guard grant.expires > Int64(now.timeIntervalSince1970), let code = Self.decode(signature) else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Self.message(grant), using: key)
    }

    private func signature(of grant: Grant) -> String {
        HMAC<SHA256>.authenticationCode(for: Self.message(grant), using: key)
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func message(_ grant: Grant) -> Data {
        Data("\(grant.key)\n\(grant.expires)\n\(grant.contentType)\n\(grant.downloadName ?? "")".utf8)
    }

    private static func decode(_ hexadecimal: String) -> [UInt8]? {
        let digits = Array(hexadecimal.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes
    }
}
