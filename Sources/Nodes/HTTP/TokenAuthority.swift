import Actors
import FoundationEssentials
import Hummingbird
import JWTKit

/// Issues and checks access tokens: JWT, HS256 only.
package struct TokenAuthority: Sendable {
    private static let issuer = "anb"
    private static let audience: AudienceClaim = "anb-api"
    /// A token of ours has about 300 bytes; longer ones are not looked at.
    private static let maximumTokenBytes = 2048

    private let keys: JWTKeyCollection
    private let keyID: JWKIdentifier
    /// One hour by default.
    package let life: Duration
    private let wallClock: any WallClock

    /// - Parameter keys: the first one signs, all are accepted; not empty.
    package init(keys: [TokenKey], life: Duration, wallClock: any WallClock) async {
        self.keys = JWTKeyCollection()
        keyID = JWKIdentifier(string: keys[0].id)
        self.life = life
        self.wallClock = wallClock
        for key in keys {
            await self.keys.add(
                hmac: HMACKey(from: key.secret), digestAlgorithm: .sha256, kid: JWKIdentifier(string: key.id))
        }
    }

    private struct Claims: JWTPayload {
        var sub: SubjectClaim
        var iss: IssuerClaim
        var aud: AudienceClaim
        var iat: IssuedAtClaim
        var exp: ExpirationClaim
        /// `User.tokenEpoch` when it was made; absent in tokens of releases without it.
        var epoch: Int?

        /// Time is checked by the authority, whose clock is injected.
        func verify(using algorithm: some JWTAlgorithm) throws {}
    }

    package func token(for user: User) async throws -> String {
        let now = wallClock.now
        let claims = Claims(
            sub: SubjectClaim(value: user.id.description), iss: IssuerClaim(value: Self.issuer), aud: Self.audience,
            iat: IssuedAtClaim(value: now), exp: ExpirationClaim(value: now.addingTimeInterval(life.inSeconds)),
            epoch: user.tokenEpoch)
        return try await keys.sign(claims, kid: keyID)
    }

    /// Whom a token names, and the account's epoch when it was made.
    package struct Bearer: Sendable {
        package let user: UserID
        package let epoch: Int
    }

    /// The user whom the request's bearer token names; whether the account still is of that epoch is for the caller.
    /// - Throws: 401 for a token that is missing, malformed, expired or not ours, without saying which.
    package func bearer(of request: Request) async throws -> Bearer {
        guard let header = request.headers[.authorization] else { throw APIError.unauthorized }
        let words = header.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer", words[1].utf8.count <= Self.maximumTokenBytes else {
            throw APIError.unauthorized
        }
        guard Self.namesHS256(words[1]) else { throw APIError.unauthorized }
        let claims: Claims
        do {
            claims = try await keys.verify(String(words[1]), as: Claims.self)
        } catch {
            throw APIError.unauthorized
        }
        guard claims.exp.value > wallClock.now, claims.iss.value == Self.issuer,
            claims.aud.value == Self.audience.value, let user = UserID(claims.sub.value)
        else { throw APIError.unauthorized }
        return Bearer(user: user, epoch: claims.epoch ?? 0)
    }

    /// The header must say what the signature is (RFC 8725, 3.1): the library chooses the key by its id alone.
    private static func namesHS256(_ token: Substring) -> Bool {
        struct Header: Decodable {
            let alg: String
        }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return false }
        let base64 = parts[0].replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: base64 + padding),
            let header = try? JSONDecoder().decode(Header.self, from: data)
        else { return false }
        return header.alg == "HS256"
    }
}
