import Actors
import ArgumentParser
import FoundationEssentials
import Logging
import Transport

/// What belongs to the organiser's own intro, outro and watermark.
struct BrandCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "brand", abstract: "Look at the intro, the outro and the watermark of published clips.",
        subcommands: [BrandPreviewCommand.self])
}

/// Makes everything that a published clip carries, as a node would at its start, and puts it where it can be looked at.
struct BrandPreviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Render intro, outro, watermark and a sample clip into a folder.",
        discussion: """
            Writes intro.mp4, outro.mp4, watermark.png, sample.mp4 (a published clip), sample.png (one picture of it, \
            with the watermark) and sheet.png (the whole of it at a glance). A file of the brand folder that cannot be \
            used is named with the reason, and the command ends with 1, as a node would.
            """)

    @Option(help: "The brand folder; by default the configuration's worker.brandDir.") var brandDir: String?
    @Option(help: "The clip to show the brand on; by default one that is drawn.") var clip: String?
    @Option(help: "Where to write; made if absent.") var output = "brand-preview"

    func run() async throws {
        let configuration = try NodeCommand.loadOrExit()
        let logger = Logger(label: "anb")
        let workspaces = try CommandFiles.workspaces(configuration)
        defer { workspaces.removeOwn() }
        let workspace = try await workspaces.make()
        do {
            let tools = try await NodeRuntime.findTools(configuration, logger: logger)
            let kit = try await BrandKit.prepare(
                in: workspace.path + "/kit", brandDir: brandDir ?? configuration.brandDir, tools: tools)
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
            let bumpers = kit.bumpers(at: .standard)
            for (file, name) in [
                (bumpers.intro, "intro.mp4"), (bumpers.outro, "outro.mp4"), (kit.watermark, "watermark.png"),
            ] {
                try CommandFiles.put(file, at: "\(output)/\(name)")
            }
            try await sample(kit, tools, in: workspace, logger)
        } catch let error as BrandKitError {
            StandardError.write("anb: \(error)")
            throw ExitCode(1)
        }
        print("\(output): intro.mp4 outro.mp4 watermark.png sample.mp4 sample.png sheet.png")
    }

    private func sample(_ kit: BrandKit, _ tools: FFmpegTools, in workspace: Workspace, _ logger: Logger) async throws {
        let original = workspace.file("original")
        let drawn = clip == nil ? try await DemoClips.make(in: workspace.path, ffmpeg: tools.ffmpeg).landscape : ""
        try CommandFiles.copy(of: clip ?? drawn, to: original)
        let transcoder = FFmpegTranscoder(
            tools: tools, kit: kit, memory: MemoryBudget(capacity: .max), logger: logger)
        let made: TranscodedClip
        do throws(TranscodeError) {
            made = try await transcoder.transcode(original, in: workspace) { _ in }
        } catch {
            StandardError.write("anb: \(clip ?? "the sample"): \(error.explanation)")
            throw ExitCode(1)
        }
        try CommandFiles.put(made.video, at: "\(output)/sample.mp4")
        // Fifteen pictures over the whole clip, and one from its middle in full size.
        let seconds = made.duration.inSeconds
        let sheet = "fps=\(15 / seconds),scale=426:-2,tile=5x3:padding=6:margin=6:color=0x202020"
        try await picture(of: made.video, in: workspace, at: 0, sheet, tools, "sheet.png")
        try await picture(of: made.video, in: workspace, at: seconds / 2, "null", tools, "sample.png")
    }

    private func picture(
        of video: LocalFile, in workspace: Workspace, at second: Double, _ filter: String, _ tools: FFmpegTools,
        _ name: String
    ) async throws {
        let stage = try Stage(in: workspace)
        let drawn = stage.file(name)
        let result = try await tools.encode(
            ["-ss", "\(second)", "-i", "file:\(video.path)", "-frames:v", "1", "-vf", filter]
                + ["-c:v", "png", "-f", "image2pipe", "file:\(drawn.path)"],
            files: VisibleFiles(readable: [video.path], writable: stage.path))
        guard result.succeeded else {
            StandardError.write("anb: \(name) could not be drawn: \(result.errorTail)")
            throw ExitCode(1)
        }
        try CommandFiles.put(try stage.take(name), at: "\(output)/\(name)")
    }
}
