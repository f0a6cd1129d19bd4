import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import Transport
import UnixSignals

/// The whole story on this machine: real nodes, real clips, HTTP only, as any client.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Start a cluster of its own, and play the contest from sign-up to ranking.",
        discussion: """
            Uses a free port and a folder of its own below the data folder; nothing else on the machine is touched.
            Without --exit it stays up until Ctrl-C, so that the clips can be watched.
            """)

    @Flag(help: "End after the story.") var exit = false
    @Flag(help: "Run one api node and two workers as processes of their own instead of one node that is both.")
    var nodes = false
    @Flag(
        help: """
            Run two api nodes and two workers, each with a folder of its own, on S3, SQS and PostgreSQL over TCP. The \
            launcher starts SeaweedFS, ministack and PostgreSQL for it; without the launcher, the environment must \
            name the services.
            """)
    var awsLocal = false

    func run() async throws {
        let console = DemoConsole()
        let configuration = try NodeCommand.loadOrExit()
        let layout: DemoStage.Layout = awsLocal ? .manyMachines : nodes ? .processes : .oneNode
        if awsLocal, configuration.text("storage.kind") != "s3" || configuration.text("queue.kind") != "sqs" {
            throw DemoFailure("--aws-local needs the services in the environment: ./anb demo --aws-local starts them")
        }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let stage = try DemoStage.prepare(below: configuration.dataDir)
        let client = HTTPClient(logger: Logger(label: "anb.demo"))
        try client.start()
        if awsLocal { try await ProvisionCommand.carryOut(configuration) }
        let outcome = await withTaskGroup(of: Result<Void, any Error>?.self) { group in
            for node in stage.nodes(layout) {
                group.addTask {
                    // A node that ends by itself ends the demo.
                    await Result {
                        let ending = try await node.run()
                        if !Task.isCancelled { throw DemoFailure("a node ended (\(ending)); its log is \(node.log)") }
                    }
                }
            }
            group.addTask { await Result { try await self.story(stage, layout, client, console) } }
            group.addTask {
                for await _ in signals { return nil }
                return nil
            }
            let first = await group.next()
            if case .some(.some(.success)) = first, !exit {
                console.line("Everything stays up. Ctrl-C ends it.")
                _ = await group.next()
            }
            group.cancelAll()
            await group.waitForAll()
            return first ?? nil
        }
        await client.shutdown()
        if case .failure(let error) = outcome {
            throw DemoFailure("the demo failed: \(error)\nLogs: \(stage.logs)")
        }
    }

    private func story(
        _ stage: DemoStage, _ layout: DemoStage.Layout, _ client: HTTPClient, _ console: DemoConsole
    ) async throws {
        console.title("ANB Rising Stars")
        console.line("Data folder   \(stage.folder)")
        console.line("Logs          \(stage.folder)/*.log")
        console.line("EMF metrics   \(stage.folder)/*.emf")
        let api = DemoAPI(client: client, baseURLs: stage.baseURLs(layout))
        let tools = try await FFmpegTools.find(FFmpegSettings(), logger: Logger(label: "anb.demo"))
        try await console.working("Starting the cluster (the first start makes intro, outro and watermark)") {
            try await api.waitUntilReady()
        }
        console.line("API           \(api.baseURLs.joined(separator: "  "))")
        let clips = try await console.working("Making clips of several shapes") {
            try await DemoClips.make(in: stage.folder, ffmpeg: tools.ffmpeg)
        }
        try await DemoStory(api: api, console: console, clips: clips).play()
    }
}

struct DemoFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
