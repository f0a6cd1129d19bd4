import Actors
import ArgumentParser
import FoundationEssentials
import Logging
import Transport

/// What the contest would say of a file, without an upload.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Say what a clip is, and whether the contest takes it.",
        discussion:
            "Reads the file as an upload's is read, under the same rules (contest.*). Exit 1 when it is refused.")

    @Argument(help: "The clip.") var file: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let configuration = try NodeCommand.loadOrExit()
        let workspaces = try CommandFiles.workspaces(configuration)
        defer { workspaces.removeOwn() }
        let maximumBytes = configuration.contest.maximumFileBytes
        guard try CommandFiles.sizeBytes(of: file) <= maximumBytes else {
            try show(Self.facts(of: .tooLarge(maximumBytes: maximumBytes)))
            throw ExitCode(1)
        }
        let clip = try await workspaces.make().file("clip")
        try CommandFiles.copy(of: file, to: clip)
        let tools = try await NodeRuntime.findTools(configuration, logger: Logger(label: "anb"))
        let policy = UploadPolicy(contest: configuration.contest)
        var facts: [(name: String, value: JSONValue)] = []
        var refusal: FailureReason?
        do throws(MediaProbeError) {
            let media = try await FFprobeMediaProbe(tools: tools).probe(clip)
            facts = [
                ("container", .text(media.container.rawValue)), ("width", .number(Double(media.width))),
                ("height", .number(Double(media.height))), ("tracks", .number(Double(media.streams))),
            ]
            if let duration = media.duration { facts.append(("seconds", .number(duration.inSeconds))) }
            if let rate = media.frameRate { facts.append(("framesPerSecond", .number(rate))) }
            do throws(FailureReason) { try policy.check(media) } catch { refusal = error }
        } catch {
            guard let reason = error.reason else {
                StandardError.write("anb: \(file): \(error)")
                throw ExitCode(1)
            }
            refusal = reason
        }
        try show(facts + Self.facts(of: refusal))
        if refusal != nil { throw ExitCode(1) }
    }

    private func show(_ facts: [(name: String, value: JSONValue)]) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(
                String(
                    decoding: try encoder.encode(
                        JSONValue.object(Dictionary(uniqueKeysWithValues: facts.map { ($0.name, $0.value) }))),
                    as: UTF8.self))
        } else {
            for (name, value) in facts { print("\(name): \(value.readable)") }
        }
    }

    private static func facts(of refusal: FailureReason?) -> [(name: String, value: JSONValue)] {
        guard let refusal else { return [("accepted", .flag(true))] }
        return [
            ("accepted", .flag(false)), ("reason", .text(refusal.code.rawValue)), ("message", .text(refusal.text)),
        ]
    }
}
