import Synchronization

/// The connections of one listener, counted: all of them, and those of each address.
///
/// A lock and no actor: event loops ask it between two bytes. Bound: `maximum` entries, and `maximumRefusals` connections
/// that are told why they are refused; others are closed without a word.
package final class ConnectionTable: Sendable {
    package enum Verdict: Sendable, Equatable {
        case admitted
        case tooMany
        case tooManyOfAddress
        case closed
    }

    private struct State {
        var total = 0
        var refusals = 0
        var ofAddress: [String: Int] = [:]
    }

    package static let maximumRefusals = 64

    private let maximum: Int
    private let maximumOfAddress: Int
    private let proxies: TrustedProxies
    private let state = Mutex(State())

    package init(maximum: Int, maximumOfAddress: Int, proxies: TrustedProxies) {
        self.maximum = maximum
        self.maximumOfAddress = maximumOfAddress
        self.proxies = proxies
    }

    /// Whoever is admitted calls `leave` once, whoever is not `refusalEnded`. A trusted proxy has as many as it wants.
    package func admit(_ address: NetworkAddress?) -> Verdict {
        let isProxy = address.map(proxies.trusts) ?? false
        let key = address?.network ?? ""
        return state.withLock { state in
            let mine = state.ofAddress[key, default: 0]
            guard state.total < maximum, isProxy || mine < maximumOfAddress else {
                state.refusals += 1
                if state.refusals > Self.maximumRefusals { return .closed }
                return state.total < maximum ? .tooManyOfAddress : .tooMany
            }
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

    package func refusalEnded() { state.withLock { $0.refusals -= 1 } }

    package var total: Int { state.withLock { $0.total } }
}
