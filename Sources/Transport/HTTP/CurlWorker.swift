import CLibCurl
import Glibc
import Logging

/// Drives libcurl on the loop's thread. Not Sendable: it is made, used and dropped there. It owns the multi handle's
/// contents, the easy handles and their timers; a transfer that ends here tells its `Transfer` and is freed.
final class CurlWorker {
    /// Global set-up, once in the process and before any handle.
    static let isLibraryReady = anb_curl_global_init() == CURLE_OK

    private let multi: UnsafeMutableRawPointer
    private let loop: CurlLoop
    /// In libcurl, or waiting for a slot of its origin.
    private var active: [UInt: CurlTransfer] = [:]
    private var slots: OriginSlots
    /// No timer of ours is due before.
    private var nextDue: ContinuousClock.Instant?

    init(multi: UnsafeMutableRawPointer, loop: CurlLoop) {
        self.multi = multi
        self.loop = loop
        let configuration = loop.configuration
        slots = OriginSlots(maxPerOrigin: configuration.maxConnectionsPerHost)
        _ = anb_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.maxCachedConnections)
        _ = anb_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
    }

    func run() {
        while true {
            switch loop.nextTurn() {
            case .stop:
                for id in active.keys { finish(id, .cancelled) }
                return
            case .commands(let commands):
                for command in commands { carryOut(command) }
                perform()
            case .sleep:
                // Without this turn of the wheel, what a command made ready would wait for the poll.
                sleep()
                perform()
            }
        }
    }

    private func sleep() {
        let code = curl_multi_poll(multi, nil, 0, pollMilliseconds(), nil)
        guard code != CURLM_OK else { return }
        loop.logger.error("waiting for the network failed", metadata: ["code": "\(code.rawValue)"])
        for id in active.keys { finish(id, .interrupted("waiting for the network failed")) }
        // Out of memory or descriptors: the loop must not spin meanwhile.
        usleep(10_000)
    }

    /// libcurl shortens this to its own next timer.
    private func pollMilliseconds() -> Int32 {
        guard let nextDue else { return 60_000 }
        let remaining = (nextDue - .now).components
        let milliseconds = remaining.seconds * 1000 + remaining.attoseconds / 1_000_000_000_000_000 + 1
        return Int32(min(max(milliseconds, 0), 60_000))
    }

    private func carryOut(_ command: CurlLoop.Command) {
        switch command {
        case .add(let transfer): add(transfer)
        case .resume(let transfer): active[transfer.id]?.resume()
        case .remove(let transfer): finish(transfer.id, .cancelled)
        }
    }

    private func add(_ transfer: Transfer) {
        guard !transfer.isEnded else { return loop.transferLeft() }
        switch CurlTransfer.make(transfer, configuration: loop.configuration) {
        case .failure(let error):
            transfer.apply { $0.end(error) }
            loop.transferLeft()
        case .success(let curl):
            active[transfer.id] = curl
            if let due = curl.nextDue { schedule(due) }
            if slots.enter(transfer.id, origin: curl.origin) { begin(curl) }
        }
    }

    private func begin(_ curl: CurlTransfer) {
        let code = curl_multi_add_handle(multi, curl.handle)
        if code != CURLM_OK { finish(curl.transfer.id, .unreachable(String(cString: curl_multi_strerror(code)))) }
    }

    private func perform() {
        if !active.isEmpty {
            var running: Int32 = 0
            let code = curl_multi_perform(multi, &running)
            if code != CURLM_OK {
                loop.logger.error("libcurl failed", metadata: ["code": "\(code.rawValue)"])
            }
            var result = CURLE_OK
            while let handle = anb_curl_multi_next_done(multi, &result) {
                let id = UInt(bitPattern: anb_curl_info_private(handle))
                finish(id, active[id]?.error(for: result))
            }
        }
        checkTimers()
    }

    private func checkTimers() {
        let now = ContinuousClock.now
        guard let due = nextDue, now >= due else { return }
        nextDue = nil
        // A copy: ending a transfer changes the dictionary.
        for (id, curl) in Array(active) {
            if let error = curl.checkTime(now: now) {
                finish(id, error)
            } else if let due = curl.nextDue {
                schedule(due)
            }
        }
    }

    private func schedule(_ due: ContinuousClock.Instant) {
        nextDue = min(nextDue ?? due, due)
    }

    /// Takes the transfer out of libcurl; nil: it ended well. Removal in the middle closes its connection.
    private func finish(_ id: UInt, _ error: HTTPClientError?) {
        guard let curl = active.removeValue(forKey: id) else { return }
        let (wasRunning, next) = slots.leave(id, origin: curl.origin)
        if wasRunning { _ = curl_multi_remove_handle(multi, curl.handle) }
        curl.free()
        curl.transfer.apply { $0.end(error) }
        loop.transferLeft()
        if let next, let waiting = active[next] { begin(waiting) }
    }
}
