import CLibCurl
import Glibc
import Logging
import Synchronization

/// The mailbox of the one thread that drives libcurl, and the thread's life. Everything that touches a libcurl handle
/// happens on that thread (see `CurlWorker`); anybody may post. Bound: `HTTPClientConfiguration.maxTransfers`
/// transfers; the commands are at most a few for each. It ends with `shutdown()`, which fails what is in flight.
final class CurlLoop: Sendable {
    enum Command {
        case add(Transfer)
        case resume(Transfer)
        case remove(Transfer)
    }

    enum Turn {
        case commands([Command])
        /// The mailbox is empty and the poster of the next command will wake the thread.
        case sleep
        case stop
    }

    private enum Phase { case idle, running, stopping, stopped }

    /// - Proof of `@unchecked Sendable`: its only use, `curl_multi_wakeup`, is the one function of a multi handle that
    ///   libcurl allows from any thread. It is called under the mailbox's lock and only while `phase` is `running`;
    ///   the thread frees the handle after it set `stopped` under the same lock.
    private struct Wakeup: @unchecked Sendable {
        let multi: UnsafeMutableRawPointer

        func callAsFunction() {
            _ = curl_multi_wakeup(multi)
        }
    }

    private struct Mailbox {
        var phase = Phase.idle
        var commands: [Command] = []
        var isAsleep = false
        var wakeup: Wakeup?
        var transferCount = 0
        var nextID: UInt = 1
        var stopWaiters: [CheckedContinuation<Void, Never>] = []

        mutating func wakeIfAsleep() {
            guard isAsleep else { return }
            isAsleep = false
            wakeup?()
        }
    }

    let configuration: HTTPClientConfiguration
    let logger: Logger
    private let mailbox = Mutex(Mailbox())

    init(configuration: HTTPClientConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    // MARK: For callers

    /// Starts the thread; a second call does nothing.
    func start() throws(HTTPClientError) {
        guard CurlWorker.isLibraryReady else { throw .unreachable("libcurl cannot be initialised") }
        let isFirst = mailbox.withLock { mailbox in
            guard mailbox.phase == .idle else { return false }
            mailbox.phase = .running
            return true
        }
        guard isFirst else { return }
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<CurlLoop>.fromOpaque(argument).takeRetainedValue().runThread()
                return nil
            },
            retained.toOpaque()
        )
        guard code == 0 else {
            retained.release()
            threadEnded()
            throw .unreachable("the client's thread cannot be started (\(code))")
        }
        pthread_detach(thread)
    }

    /// Returns when the thread has let go of every transfer, each of them failed with `cancelled`.
    func shutdown() async {
        await withCheckedContinuation { continuation in
            let isOver = mailbox.withLock { mailbox in
                switch mailbox.phase {
                case .idle:
                    mailbox.phase = .stopped
                    return true
                case .stopped: return true
                case .running, .stopping:
                    mailbox.phase = .stopping
                    mailbox.stopWaiters.append(continuation)
                    mailbox.wakeIfAsleep()
                    return false
                }
            }
            if isOver { continuation.resume() }
        }
    }

    /// Admits a transfer. `make` is given its number.
    func add(_ make: (UInt) -> Transfer) throws(HTTPClientError) -> Transfer {
        let maximum = configuration.maxTransfers
        let (id, refusal): (UInt, String?) = mailbox.withLock { mailbox in
            guard mailbox.phase == .running else { return (0, "the client is not running") }
            guard mailbox.transferCount < maximum else { return (0, "the client has \(maximum) requests in flight") }
            mailbox.transferCount += 1
            mailbox.nextID += 1
            return (mailbox.nextID, nil)
        }
        if let refusal { throw .unreachable(refusal) }
        let transfer = make(id)
        guard post(.add(transfer)) else { throw .unreachable("the client is not running") }
        return transfer
    }

    /// False when the thread takes no more commands.
    @discardableResult
    func post(_ command: Command) -> Bool {
        mailbox.withLock { mailbox in
            guard mailbox.phase == .running else { return false }
            mailbox.commands.append(command)
            mailbox.wakeIfAsleep()
            return true
        }
    }

    // MARK: For the thread

    func nextTurn() -> Turn {
        mailbox.withLock { mailbox in
            mailbox.isAsleep = false
            if mailbox.phase != .running { return .stop }
            if mailbox.commands.isEmpty {
                mailbox.isAsleep = true
                return .sleep
            }
            defer { mailbox.commands = [] }
            return .commands(mailbox.commands)
        }
    }

    func transferLeft() {
        mailbox.withLock { $0.transferCount -= 1 }
    }

    private func runThread() {
        // A TLS peer that is gone raises SIGPIPE in the writing thread, which is always this one; every other signal
        // belongs to the threads that expect it.
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        guard let multi = curl_multi_init() else { return threadEnded() }
        let wakeup = Wakeup(multi: multi)
        mailbox.withLock { $0.wakeup = wakeup }
        let worker = CurlWorker(multi: multi, loop: self)
        worker.run()
        threadEnded()
        curl_multi_cleanup(multi)
    }

    private func threadEnded() {
        let (waiters, left) = mailbox.withLock { mailbox in
            defer {
                mailbox.stopWaiters = []
                mailbox.commands = []
            }
            mailbox.phase = .stopped
            mailbox.isAsleep = false
            mailbox.wakeup = nil
            return (mailbox.stopWaiters, mailbox.commands)
        }
        for case .add(let transfer) in left { transfer.apply { $0.end(.cancelled) } }
        for waiter in waiters { waiter.resume() }
    }
}
