import Glibc

/// A network namespace for nodes that reach this machine's loopback as if it were their own, until the cable is cut:
/// from then on packets vanish in silence, as they do between machines. `ip` is root's: others need sudo.
struct IsolatedNetwork: Sendable {
    /// Of the nodes in it.
    let address: String
    private let name: String
    private let outside: String
    private let folder: String

    /// Runs `body` with a new one, which goes afterwards.
    static func use<Result: Sendable>(
        in folder: String, _ body: (IsolatedNetwork) async throws -> Result
    ) async throws -> Result {
        let number = UInt8.random(in: 1...254)
        let network = IsolatedNetwork(
            address: "10.213.\(number).2", name: "anb-\(number)", outside: "10.213.\(number).1", folder: folder)
        do {
            try await network.make()
            let result = try await body(network)
            try await network.remove()
            return result
        } catch {
            try? await network.remove()
            throw error
        }
    }

    /// What starts a program in it, as this user.
    var wrapper: [String] {
        let enter = [Self.ip, "netns", "exec", name]
        if Self.isRoot { return enter }
        let own = ["--reuid", "\(geteuid())", "--regid", "\(getegid())", "--init-groups"]
        return ["/usr/bin/sudo", "-n", "--preserve-env"] + enter + ["/usr/bin/setpriv"] + own
    }

    func cut() async throws { try await asRoot("\(Self.ip) link set \(name) down") }
    func heal() async throws { try await asRoot("\(Self.ip) link set \(name) up") }

    private static let ip = "/usr/sbin/ip"
    private static let isRoot = geteuid() == 0

    /// Without a loopback of its own, 127.0.0.0/8 leads out of it; `route_localnet` lets both ends carry such packets.
    private func make() async throws {
        try await asRoot(
            """
            set -e
            ip=\(Self.ip) inside="\(Self.ip) netns exec \(name)"
            $ip netns add \(name)
            $ip link add \(name) type veth peer name inner netns \(name)
            $ip addr add \(outside)/30 dev \(name)
            $ip link set \(name) up
            $inside $ip addr add \(address)/30 dev inner
            $inside $ip link set inner up
            echo 1 >/proc/sys/net/ipv4/conf/\(name)/route_localnet
            $inside sh -c 'echo 1 >/proc/sys/net/ipv4/conf/inner/route_localnet'
            $inside $ip route add 127.0.0.0/8 via \(outside) dev inner src \(address)
            """)
    }

    private func remove() async throws { try await asRoot("\(Self.ip) netns del \(name)") }

    private func asRoot(_ script: String) async throws {
        let words = Self.isRoot ? ["-c", script] : ["-n", "/bin/sh", "-c", script]
        try await RunningProgram.run(Self.isRoot ? "/bin/sh" : "/usr/bin/sudo", words, in: folder)
    }
}
