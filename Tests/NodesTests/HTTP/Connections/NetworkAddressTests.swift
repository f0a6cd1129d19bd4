import Nodes
import Testing

@Suite("Network addresses, proxies and connections")
struct NetworkAddressTests {
    private static func address(_ text: String) throws -> NetworkAddress { try #require(NetworkAddress(text)) }

    @Test(
        "addresses are read as proxies write them",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:443", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]:443", "20010db800000000/64"), ("2001:db8::1", "20010db800000000/64"),
            ("fe80::1%eth0", "fe80000000000000/64"),
        ])
    func networks(text: String, network: String) throws {
        #expect(try Self.address(text).network == network)
    }

    @Test(
        "what is no address is none",
        arguments: ["", "x", "256.1.1.1", "1.2.3", "unknown", "_hidden", "[::1", ":::", "1.2.3.4, 5.6.7.8"])
    func noAddress(text: String) { #expect(NetworkAddress(text) == nil) }

    @Test("a block holds what shares its prefix")
    func blocks() throws {
        let cases: [(String, String, Bool)] = [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.128/25", "192.0.2.129", true), ("192.0.2.128/25", "192.0.2.127", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
            ("10.0.0.0/8", "2001:db8::1", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ]
        for (block, address, holds) in cases {
            #expect(try #require(NetworkBlock(block)).contains(Self.address(address)) == holds, "\(block) \(address)")
        }
        for text in ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "x/8", "10.0.0.0/", ""] {
            #expect(NetworkBlock(text) == nil, "\(text)")
        }
    }

    @Test("the client is the last hop that a trusted proxy vouches for")
    func forwarded() throws {
        let proxies = TrustedProxies([try #require(NetworkBlock("10.0.0.0/8"))])
        func client(_ peer: String, _ forwarded: [String]) throws -> String {
            proxies.client(peer: try Self.address(peer), forwarded: forwarded).network
        }
        #expect(try client("203.0.113.9", ["198.51.100.1"]) == "203.0.113.9")
        #expect(try client("10.0.0.1", ["198.51.100.1"]) == "198.51.100.1")
        #expect(try client("10.0.0.1", ["1.1.1.1, 198.51.100.1"]) == "198.51.100.1")
        #expect(try client("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.2"]) == "198.51.100.1")
        #expect(try client("10.0.0.1", []) == "10.0.0.1")
        #expect(try client("10.0.0.1", ["198.51.100.1, garbage"]) == "10.0.0.1")
        #expect(try client("10.0.0.1", [Array(repeating: "10.0.0.3", count: 100).joined(separator: ",")]) == "10.0.0.3")
    }

    @Test("connections are counted for each address and all together; proxies have no bound of their own")
    func table() throws {
        let proxies = TrustedProxies([try #require(NetworkBlock("10.0.0.1"))])
        let table = ConnectionTable(maximum: 5, maximumOfAddress: 2, proxies: proxies)
        let (one, proxy) = (try Self.address("192.0.2.1"), try Self.address("10.0.0.1"))
        #expect(table.admit(one) == .admitted)
        #expect(table.admit(one) == .admitted)
        #expect(table.admit(one) == .tooManyOfAddress)
        for _ in 0..<3 { #expect(table.admit(proxy) == .admitted) }
        #expect(table.admit(proxy) == .tooMany)
        table.leave(one)
        #expect(table.admit(one) == .admitted)
        for _ in 0..<2 { table.leave(one) }
        for _ in 0..<3 { table.leave(proxy) }
        #expect(table.total == 0)
    }

    @Test(
        "the depth of JSON is told without reading it",
        arguments: [
            ("1", 0), ("{}", 1), ("[[1],{\"a\":[]}]", 3), ("\"[[[\"", 0), ("{\"a\\\"[\":[\"{\\\\\"]}", 2), ("]]]", 0),
            ("", 0),
        ])
    func depth(text: String, depth: Int) { #expect(JSONValue.depth(of: Array(text.utf8)) == depth) }
}
