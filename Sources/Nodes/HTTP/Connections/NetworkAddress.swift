import Glibc

/// An IPv4 or IPv6 address.
package struct NetworkAddress: Sendable, Hashable {
    /// 4 or 16; an IPv4 address in IPv6 form is an IPv4 address.
    let bytes: [UInt8]

    /// Also with a port (`192.0.2.1:80`, `[2001:db8::1]:80`) or a zone.
    package init?(_ text: some StringProtocol) {
        var text = String(text)
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            text = String(text[text.index(after: text.startIndex)..<end])
        } else if text.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1, let colon = text.firstIndex(of: ":") {
            text = String(text[..<colon])
        }
        if let zone = text.firstIndex(of: "%") { text = String(text[..<zone]) }
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            bytes = withUnsafeBytes(of: v4) { Array($0) }
        } else if inet_pton(AF_INET6, text, &v6) == 1 {
            let all = withUnsafeBytes(of: v6) { Array($0) }
            let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
            bytes = isMapped ? Array(all.suffix(4)) : all
        } else {
            return nil
        }
    }

    /// What one household or machine has: an IPv4 address, or a /64 of IPv6.
    package var network: String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        return bytes.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "/64"
    }
}

/// A CIDR block: `10.0.0.0/8`, `2001:db8::/32`, or one address.
package struct NetworkBlock: Sendable, Equatable {
    private let address: NetworkAddress
    private let prefixBits: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = NetworkAddress(parts[0]) else { return nil }
        let size = address.bytes.count * 8
        guard parts.count == 2 else {
            self.address = address
            prefixBits = size
            return
        }
        guard let bits = Int(parts[1]), (0...size).contains(bits) else { return nil }
        self.address = address
        prefixBits = bits
    }

    package func contains(_ other: NetworkAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        for (index, (mine, theirs)) in zip(address.bytes, other.bytes).enumerated() {
            let bits = min(8, prefixBits - index * 8)
            guard bits > 0 else { return true }
            let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - bits))
            if mine & mask != theirs & mask { return false }
        }
        return true
    }
}

/// Who a client is, when requests come through proxies (`http.trustedProxies`).
package struct TrustedProxies: Sendable {
    /// More hops than any deployment has.
    private static let maximumHops = 32

    private let blocks: [NetworkBlock]

    package init(_ blocks: [NetworkBlock]) {
        self.blocks = blocks
    }

    package func trusts(_ address: NetworkAddress) -> Bool { blocks.contains { $0.contains(address) } }

    /// The last address that a trusted proxy vouches for: what clients write themselves is never believed.
    /// - Parameter forwarded: the values of `X-Forwarded-For`, in their order.
    package func client(peer: NetworkAddress, forwarded: [String]) -> NetworkAddress {
        var client = peer
        let hops = forwarded.flatMap { $0.split(separator: ",") }
        for hop in hops.reversed().prefix(Self.maximumHops) {
            guard trusts(client), let next = NetworkAddress(hop.filter { $0 != " " && $0 != "\t" }) else { break }
            client = next
        }
        return client
    }
}
