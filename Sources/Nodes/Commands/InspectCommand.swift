import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
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
        let scratch = try Scratch()
        defer { scratch.remove() }
        // A copy: the media tools' user may be allowed at it.
        let clip = LocalFile(scratch.path + "/clip")
        do { try FileManager.default.copyItem(atPath: file, toPath: clip.path) } catch {
            StandardError.write("anb: \(file) cannot be read: \(error)")
            throw ExitCode(1)
        }
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
        if Self.sizeBytes(clip) > policy.contest.maximumFileBytes {
            refusal = .tooLarge(maximumBytes: policy.contest.maximumFileBytes)
        }
        facts.append(("accepted", .flag(refusal == nil)))
        if let refusal { facts += [("reason", .text(refusal.code.rawValue)), ("message", .text(refusal.text))] }
        try show(facts)
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

    private static func sizeBytes(_ file: LocalFile) -> Int64 {
        var status = stat()
        return stat(file.path, &status) == 0 ? Int64(status.st_size) : 0
    }
}
