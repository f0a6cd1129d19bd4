import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import Transport

/// `anb load URL`: how a deployment bears its clients.
struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Send a mix of requests to an API at a fixed rate, and print how long each kind took.",
        discussion: """
            An open loop: a request is due when it is due, however slow earlier ones are, and its latency counts from \
            then. Meant for one's own staging: it signs up accounts, votes and uploads. Accounts of a run are named \
            load-…@example.com. Exit code 1 when more than --fail-above of the requests failed.
            """)

    @Argument(help: "Scheme and authority of the API, such as http://127.0.0.1:8080.") var url: String
    @Option(help: "Requests a second, from 0.1 to 100000.") var rate = 50.0
    @Option(help: "How long, in seconds, from 1 to 3000.") var seconds = 10
    @Option(help: "Actions and their weights: rankings, list, vote, login, signup, upload, health.")
    var mix = LoadMix.usual
    @Option(help: "Accounts that are signed up before the start.") var accounts = 20
    @Option(help: "Requests under way at once at most; one that is due beyond it waits, and its wait counts.")
    var connections = 256
    @Option(help: "A clip to upload; by default a small one is drawn with ffmpeg.") var clip: String?
    @Option(help: "Where the order of actions comes from.") var seed: UInt64 = 1
    @Option(help: "Share of failed requests (none, 4xx but a second vote, 5xx) that makes the run fail.")
    var failAbove = 0.01
    @Flag(help: "Print JSON.") var json = false
    @Option(help: "Write an SVG of each second to this file.") var plot: String?

    func validate() throws {
        guard url.hasPrefix("http://") || url.hasPrefix("https://"), let authority = URL(string: url)?.host(),
            !authority.isEmpty
        else { throw ValidationError("\(url) is no address such as http://127.0.0.1:8080") }
        guard LoadMix(mix) != nil else {
            throw ValidationError(
                "\(mix) is no mix: name=weight with commas between, of \(LoadMix.Action.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        guard (0.1...100_000).contains(rate), (1...LoadRun.maximumSeconds).contains(seconds),
            (1...10_000).contains(connections), (1...10_000).contains(accounts)
        else { throw ValidationError("rate, seconds, connections or accounts is out of its bounds") }
    }

    func run() async throws {
        guard let wheel = LoadMix(mix) else { throw ExitCode(64) }
        var logger = Logger(label: "anb")
        logger.logLevel = .error
        _ = DescriptorLimit.raise()
        var settings = HTTPClientConfiguration()
        settings.maxConnectionsPerHost = connections
        settings.maxCachedConnections = connections
        settings.maxTransfers = connections * 2
        let client = HTTPClient(configuration: settings, logger: logger)
        try client.start()
        let report: LoadReport
        do {
            report = try await measure(wheel, client)
        } catch let failure as DemoFailure {
            await client.shutdown()
            StandardError.write("anb: \(failure)")
            throw OperatorExit.unavailable
        } catch let failure as HTTPClientError {
            await client.shutdown()
            StandardError.write("anb: \(url) cannot be reached: \(failure)")
            throw OperatorExit.unavailable
        }
        await client.shutdown()
        if let plot { try Array(report.plot.utf8).withUnsafeBytes { try Data($0).write(to: URL(filePath: plot)) } }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report.json), as: UTF8.self))
        } else {
            print(report.text)
        }
        if Double(report.failures) > failAbove * Double(report.all.count) { throw OperatorExit.negative }
    }

    private func measure(_ wheel: LoadMix, _ client: HTTPClient) async throws -> LoadReport {
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        let clients = LoadClients(client: client, url: base, clip: wheel.holds(.upload) ? try await makeClip() : [])
        try await clients.prepare(accounts: accounts)
        let run = LoadRun(
            clients: clients, mix: wheel, rate: rate, length: .seconds(seconds), maximumUnderWay: connections,
            seed: seed)
        let (seconds, isTerminal) = (seconds, isatty(STDERR_FILENO) == 1)
        let start = ContinuousClock.now
        let recorder = await run.run { second, recorder in
            guard isTerminal else { return }
            let last = await recorder.seconds.dropLast().last
            let p99 = last.map { LoadReport.readable($0.latencies.percentile(99)) } ?? "–"
            StandardError.write(
                "\r\(second)/\(seconds) s, \(await recorder.done) answers, p99 \(p99)   ", newline: false)
        }
        if isTerminal { StandardError.write("") }
        return LoadReport(
            url: base, mix: mix, rate: rate, length: ContinuousClock.now - start, outcomes: await recorder.outcomes,
            seconds: await recorder.seconds)
    }

    private func makeClip() async throws -> [UInt8] {
        if let clip {
            guard let data = try? Data(contentsOf: URL(filePath: clip)) else {
                throw DemoFailure("\(clip) cannot be read")
            }
            return Array(data)
        }
        return try await DemoClips.small()
    }
}
