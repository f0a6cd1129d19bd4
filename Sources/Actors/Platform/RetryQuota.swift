/// How many repetitions a client may still make: a service that fails everything is not asked four times as often.
///
/// The standard retry mode of the AWS SDKs (AWS SDKs and Tools Reference Guide, "Retry behavior"): each repetition takes
/// from a bucket of 500; one that succeeds gives its cost back, a first try that succeeds gives 1.
package struct RetryQuota: Sendable {
    static let capacity = 500
    static let cost = 5

    private(set) var left = capacity

    package init() {}

    /// - Returns: false when there is nothing left: the last error is final.
    package mutating func takeOne() -> Bool {
        guard left >= Self.cost else { return false }
        left -= Self.cost
        return true
    }

    package mutating func succeeded(afterRetry: Bool) {
        left = min(Self.capacity, left + (afterRetry ? Self.cost : 1))
    }
}
