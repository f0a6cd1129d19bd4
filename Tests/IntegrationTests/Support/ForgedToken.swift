import FoundationEssentials

/// JSON Web Tokens (RFC 7519) made by hand, right and wrong ones.
enum ForgedToken {
    static func signed(header: JSON, claims: JSON, secret: [UInt8]) throws -> String {
        let text = "\(base64URL(try header.bytes)).\(base64URL(try claims.bytes))"
        return "\(text).\(base64URL(HMACSHA256.code(for: Array(text.utf8), key: secret)))"
    }

    /// The three parts of a token.
    static func parts(_ token: String) -> [String] { token.split(separator: ".").map(String.init) }

    static func decoded(_ part: String) throws -> JSON {
        var text = part.replacing("-", with: "+").replacing("_", with: "/")
        while text.utf8.count % 4 != 0 { text += "=" }
        return try JSON.parse(Array(Data(base64Encoded: text) ?? Data()))
    }

    static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

/// RFC 2104 over FIPS 180-4, so that the tests bring no cryptography of the product's own to judge it by.
enum HMACSHA256 {
    static func code(for message: [UInt8], key: [UInt8]) -> [UInt8] {
        var block = key.count > 64 ? digest(key) : key
        block += [UInt8](repeating: 0, count: 64 - block.count)
        return digest(block.map { $0 ^ 0x5C } + digest(block.map { $0 ^ 0x36 } + message))
    }

    static func digest(_ message: [UInt8]) -> [UInt8] {
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        padded += bigEndian(UInt64(message.count) * 8)
        var state: [UInt32] = fractions(of: 8) { $0.squareRoot() }
        let constants = fractions(of: 64) { cubeRoot($0) }
        for start in stride(from: 0, to: padded.count, by: 64) {
            compress(&state, padded[start..<start + 64], constants)
        }
        return state.flatMap(bigEndian)
    }

    private static func compress(_ state: inout [UInt32], _ block: ArraySlice<UInt8>, _ constants: [UInt32]) {
        var words: [UInt32] = stride(from: block.startIndex, to: block.endIndex, by: 4).map { index in
            block[index..<index + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
        for index in 16..<64 {
            let (early, late) = (words[index - 15], words[index - 2])
            let first = turn(early, 7) ^ turn(early, 18) ^ early >> 3
            let second = turn(late, 17) ^ turn(late, 19) ^ late >> 10
            words.append(words[index - 16] &+ first &+ words[index - 7] &+ second)
        }
        var v = state
        for index in 0..<64 {
            let mixed = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)
            let chosen = (v[4] & v[5]) ^ (~v[4] & v[6])
            let first = v[7] &+ mixed &+ chosen &+ constants[index] &+ words[index]
            let major = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            let second = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) &+ major
            v = [first &+ second, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
        }
        for index in 0..<8 { state[index] = state[index] &+ v[index] }
    }

    private static func turn(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }

    private static func bigEndian<Word: FixedWidthInteger>(_ word: Word) -> [UInt8] {
        withUnsafeBytes(of: word.bigEndian) { Array($0) }
    }

    /// The first 32 bits of the fractional part of a root of each of the first primes (4.2.2 and 5.3.3).
    private static func fractions(of count: Int, _ root: (Double) -> Double) -> [UInt32] {
        let primes = (2...311).filter { number in !(2..<number).contains { number % $0 == 0 } }
        return primes.prefix(count).map { prime in
            let value = root(Double(prime))
            return UInt32((value - value.rounded(.down)) * 4_294_967_296)
        }
    }

    /// Newton's method; a Double holds 49 bits behind the point of these roots, enough for 32.
    private static func cubeRoot(_ value: Double) -> Double {
        var root = value / 3 + 1
        for _ in 0..<60 { root -= (root * root * root - value) / (3 * root * root) }
        return root
    }
}
