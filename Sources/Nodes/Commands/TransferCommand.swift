import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import Transport

/// `anb transfer`: transfers and signatures through S3Gateway, as nodes make them; for `Benchmarks/s3`.
struct TransferCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer", abstract: "Move a file to or from the store, and print what that cost.",
        shouldDisplay: false)

    enum Action: String, ExpressibleByArgument {
        case put, get, sign
    }

    @Argument(help: "put, get or sign.") var action: Action
    @Argument(help: "The file to put; for get, what it is written to, with a number behind it.") var path: String
    @Option(help: "How often.") var count = 1
    @Option(help: "How many at a time.") var parallel = 1

    func run() async throws {
        let configuration = try NodeCommand.loadOrExit()
        var logger = Logger(label: "anb")
        logger.logLevel = .warning
        guard let services = try AWSServices(configuration, logger: logger), let store = services.store else {
            throw ValidationError("storage.kind must be s3")
        }
        let gateway = S3Gateway(
            store: store, clock: SystemClock(), wallClock: SystemWallClock(), random: SystemRandomSource(),
            logger: logger)
        try await store.check()
        let before = (Self.cpuSeconds, Self.memory("VmRSS"))
        for start in stride(from: 0, to: count, by: parallel) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in start..<min(start + parallel, count) {
                    group.addTask { try await perform(number, gateway) }
                }
                try await group.waitForAll()
            }
        }
        let cost = (Self.cpuSeconds - before.0, Self.memory("VmHWM") - before.1)
        await services.http.shutdown()
        print(#"{"cpu_seconds":\#(cost.0),"rss_above_idle_bytes":\#(cost.1)}"#)
    }

    private func perform(_ number: Int, _ gateway: S3Gateway) async throws {
        let key = ObjectKey("\(ObjectPrefix.temp.rawValue)transfer-\(number % parallel)")
        switch action {
        case .put: try await gateway.put(LocalFile(path), at: key, contentType: "application/octet-stream")
        case .get:
            let target = "\(path).\(number % parallel)"
            unlink(target)
            try await gateway.fetch(key, into: LocalFile(target))
        case .sign:
            // Each of another object: none is taken from the cache.
            let request = SignedURLRequest(
                key: ObjectKey("\(ObjectPrefix.processed.rawValue)\(number).mp4"), contentType: "video/mp4",
                origin: "")
            _ = try await gateway.signedURL(for: request)
        }
    }

    private static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// Bytes; `ru_maxrss` would be the parent's, were that larger.
    private static func memory(_ name: String) -> Int {
        let lines = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8))?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix(name + ":") }
        return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1024
    }
}
