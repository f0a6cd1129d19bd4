import Actors
import ArgumentParser
import FoundationEssentials
import Logging
import Transport

/// Makes the published clip of a file, as a worker would, without queue or database.
struct TranscodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcode", abstract: "Transcode one file as a worker does.")

    @Argument(help: "The clip.") var input: String
    @Argument(help: "Where the result goes; its poster goes beside it, with the ending .jpg.") var output: String
    @Option(help: "Where intro, outro and watermark are kept; by default in the data folder.") var brandCache: String?
    @Flag(help: "Print the progress in percent.") var progress = false

    func run() async throws {
        let configuration = try NodeCommand.loadOrExit()
        let logger = Logger(label: "anb")
        let folder = try DataFolder(path: configuration.dataDir)
        let transcoder = try await NodeRuntime.makeTranscoder(
            configuration, cache: brandCache ?? folder.path + "/brand", logger: logger)
        let workspaces = try CommandFiles.workspaces(configuration)
        defer { workspaces.removeOwn() }
        let workspace = try await workspaces.make()
        let copy = workspace.file("original")
        try CommandFiles.copy(of: input, to: copy)
        let show = progress
        let clip = try await transcoder.transcode(copy, in: workspace) { percent in
            if show { StandardError.write("\(percent) %") }
        }
        try CommandFiles.put(clip.video, at: output)
        try CommandFiles.put(clip.poster, at: output + ".jpg")
    }
}
