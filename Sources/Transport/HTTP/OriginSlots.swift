/// Who may use a connection to an origin, and who waits, first come, first served. Sans I/O.
///
/// libcurl has such a limit too, `CURLMOPT_MAX_HOST_CONNECTIONS`, but version 7.88 now and then leaves a waiting
/// transfer asleep until some timer of another one rings.
package struct OriginSlots {
    private struct Queue {
        var running: Set<UInt> = []
        var waiting: [UInt] = []
    }

    private let maxPerOrigin: Int
    private var queues: [String: Queue] = [:]

    package init(maxPerOrigin: Int) {
        self.maxPerOrigin = max(maxPerOrigin, 1)
    }

    /// Scheme, host and port of a URL, as written.
    package static func origin(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        return String(url[..<(url[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex)])
    }

    /// True: it may start at once. False: a later `leave` will name it.
    package mutating func enter(_ id: UInt, origin: String) -> Bool {
        var queue = queues.removeValue(forKey: origin) ?? Queue()
        defer { queues[origin] = queue }
        guard queue.running.count < maxPerOrigin else {
            queue.waiting.append(id)
            return false
        }
        queue.running.insert(id)
        return true
    }

    /// Whether it ran, and who may start in its place.
    package mutating func leave(_ id: UInt, origin: String) -> (wasRunning: Bool, next: UInt?) {
        guard var queue = queues.removeValue(forKey: origin) else { return (false, nil) }
        defer { if !queue.running.isEmpty || !queue.waiting.isEmpty { queues[origin] = queue } }
        guard queue.running.remove(id) != nil else {
            queue.waiting.removeAll { $0 == id }
            return (false, nil)
        }
        guard !queue.waiting.isEmpty else { return (true, nil) }
        let next = queue.waiting.removeFirst()
        queue.running.insert(next)
        return (true, next)
    }
}
