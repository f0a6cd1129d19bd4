import Actors
import FoundationEssentials
import Glibc

/// Makes the files of a `BrandKit` in a folder.
struct BrandWorkshop: Sendable {
    let tools: FFmpegTools
    let brandDir: String?
    /// The version of the built-in art: to be raised when a picture changes.
    private static let artVersion = 1

    /// Names everything that the result depends on: art, encoder options, ffmpeg and the brand folder's files.
    var key: String {
        var words = [
            "\(Self.artVersion)", tools.version, tools.settings.fontDirectory,
            ClipFormat.fit(PictureTraits(light: .standard, isInterlaced: false)),
        ]
        words += ClipFormat.encoder(rateFactor: tools.settings.rateFactor, threads: 1)
        for name in ["intro.mp4", "outro.mp4", "watermark.png"] {
            guard let file = own(name) else { continue }
            var status = stat()
            guard stat(file.path, &status) == 0 else { continue }
            words.append("\(name) \(file.path) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)")
        }
        return Self.fingerprint(words.joined(separator: "\n"))
    }

    func make(in folder: String) async throws(BrandKitError) -> BrandKit.Facts {
        let workspace = Workspace(path: folder)
        let font = LocalFile("\(tools.settings.fontDirectory)/DejaVuSans-Bold.ttf")
        let sky = workspace.file("sky.png")
        let ball = workspace.file("ball.png")
        let watermark = workspace.file("watermark.png")
        if own("intro.mp4") == nil || own("outro.mp4") == nil || own("watermark.png") == nil {
            guard access(font.path, R_OK) == 0 else {
                throw .unusable("\(font.path) is missing: apt-get install fonts-dejavu-core")
            }
            try await run(BrandArt.stills(sky: sky, ball: ball, watermark: watermark, font: font), in: folder)
        }
        if let file = try copy(of: "watermark.png", in: workspace) {
            try await run(
                ["-protocol_whitelist", "file", "-f", "png_pipe", "-i", ClipFormat.url(file), "-frames:v", "1"]
                    + ["-vf", "scale=w=min(iw\\,320):h=-1,format=rgba", "-c:v", "png", "-f", "image2pipe"]
                    + [ClipFormat.url(watermark)], in: folder)
        }
        try await bumper("intro.mp4", orDrawn: BrandArt.intro(sky: sky, ball: ball, font: font), in: workspace)
        try await bumper("outro.mp4", orDrawn: BrandArt.outro(sky: sky, ball: ball, font: font), in: workspace)
        for still in [sky, ball] { unlink(still.path) }
        return try await facts(of: workspace)
    }

    private func bumper(
        _ name: String, orDrawn drawing: String, in workspace: Workspace
    ) async throws(BrandKitError) {
        let own = try copy(of: name, in: workspace)
        let picture: [String] =
            if let own {
                try await fitted(own)
            } else {
                ["-filter_complex", drawing + "[v]"]
            }
        try await run(
            picture + ["-map", "[v]"] + ClipFormat.encoder(rateFactor: tools.settings.rateFactor, threads: 1)
                + ["-t", "\(BrandKit.maximumBumperSeconds)", ClipFormat.url(workspace.file(name))], in: workspace.path)
        if let own { unlink(own.path) }
    }

    /// The organiser's file where the media tools see it.
    private func copy(of name: String, in workspace: Workspace) throws(BrandKitError) -> LocalFile? {
        guard let file = own(name) else { return nil }
        let copy = workspace.file("own-\(name)")
        do {
            try FileManager.default.copyItem(atPath: file.path, toPath: copy.path)
        } catch {
            throw .unavailable("\(file.path): \(error)")
        }
        return copy
    }

    private func fitted(_ own: LocalFile) async throws(BrandKitError) -> [String] {
        do {
            let source = try await FFprobeMediaProbe(tools: tools).inspect(own)
            return ["-protocol_whitelist", "file", "-t", "\(BrandKit.maximumBumperSeconds)", "-i", ClipFormat.url(own)]
                + ["-filter_complex", "[0:\(source.stream)]\(ClipFormat.fit(source.traits))[v]"]
        } catch .unavailable(let detail) {
            throw .unavailable("\(own.path): \(detail)")
        } catch {
            throw .unusable("\(own.path): \(error)")
        }
    }

    private func facts(of workspace: Workspace) async throws(BrandKitError) -> BrandKit.Facts {
        let intro = try await encoded(workspace.file("intro.mp4"))
        let outro = try await encoded(workspace.file("outro.mp4"))
        guard intro.extradataHash == outro.extradataHash else {
            throw .unavailable("intro and outro were encoded with different parameters")
        }
        return BrandKit.Facts(
            extradataHash: intro.extradataHash, introFrames: intro.frames, outroFrames: outro.frames)
    }

    private func encoded(_ file: LocalFile) async throws(BrandKitError) -> EncodedPart {
        do {
            return try await FFprobeMediaProbe(tools: tools).encodedPart(file)
        } catch {
            throw .unavailable("\(file.path): \(error)")
        }
    }

    private func run(_ arguments: [String], in folder: String) async throws(BrandKitError) {
        let copies = ["watermark.png", "intro.mp4", "outro.mp4"].map { "\(folder)/own-\($0)" }
        let files = VisibleFiles(
            readable: [tools.settings.fontDirectory] + copies.filter { access($0, F_OK) == 0 }, writable: folder)
        do {
            let result = try await tools.encode(arguments, files: files)
            guard result.succeeded else { throw BrandKitError.unusable("\(result.ending) \(result.errorTail)") }
        } catch MediaCommandError.cancelled {
            throw .cancelled
        } catch let error as BrandKitError {
            throw error
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// The brand folder's file of that name, if there is one.
    private func own(_ name: String) -> LocalFile? {
        guard let brandDir, access("\(brandDir)/\(name)", R_OK) == 0 else { return nil }
        return LocalFile("\(brandDir)/\(name)")
    }

    /// FNV-1a, 64 bits: names a folder, keeps no secret.
    private static func fingerprint(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
