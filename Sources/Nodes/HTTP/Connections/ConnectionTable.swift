import Synchronization

/// The connections of one listener, counted: all of them, and those of each address.
///
/// A lock and no actor: event loops ask it between two bytes. Bound: `limits.connections` entries.
package final class ConnectionTable: Sendable {
    package enum Verdict: Sendable, Equatable {
        case admitted
        case tooMany
        case tooManyOfAddress
    }

    private struct State {
        var total = 0
        var ofAddress: [String: Int] = [:]
    }

    private let maximum: Int
    private let maximumOfAddress: Int
    private let proxies: TrustedProxies
    private let state = Mutex(State())

    package init(maximum: Int, maximumOfAddress: Int, proxies: TrustedProxies) {
        self.maximum = maximum
        self.maximumOfAddress = maximumOfAddress
        self.proxies = proxies
    }

    /// Whoever is admitted calls `leave` once. A trusted proxy has as many as it wants.
    package func admit(_ address: NetworkAddress?) -> Verdict {
        let isProxy = address.map(proxies.trusts) ?? false
        let key = address?.network ?? ""
        return state.withLock { state in
            guard state.total < maximum else { return .tooMany }
            let mine = state.ofAddress[key, default: 0]
            guard isProxy || mine < maximumOfAddress else { return .tooManyOfAddress }
            state.total += 1
            state.ofAddress[key] = mine + 1
            return .admitted
        }
    }

    package func leave(_ address: NetworkAddress?) {
        let key = address?.network ?? ""
        state.withLock { state in
            state.total -= 1
            let left = state.ofAddress[key, default: 1] - 1
            state.ofAddress[key] = left > 0 ? left : nil
        }
    }

    package var total: Int { state.withLock { $0.total } }
}
