import Actors
import FoundationEssentials
import Glibc
import Testing
import Transport

@Suite("the brand kit", .timeLimit(.minutes(3)))
struct BrandKitTests {
    @Test("two nodes that prepare at once get the same kit, and leave no drafts")
    func together() async throws {
        let brand = try await Brand()
        try await brand.plainBumpers("intro", "outro")
        async let first = brand.prepare()
        async let second = brand.prepare()
        let kits = try await [first, second]
        #expect(kits[0] == kits[1])
        #expect(try FileManager.default.contentsOfDirectory(atPath: brand.cache.path).count == 1)
    }

    @Test("a kit that was made is used again at once")
    func again() async throws {
        let lab = try await MediaLab.get()
        let cache = String(lab.kitFolder[..<(lab.kitFolder.lastIndex(of: "/") ?? lab.kitFolder.startIndex)])
        let began = ContinuousClock.now
        let kit = try await BrandKit.prepare(in: cache, tools: lab.tools)
        #expect(kit == lab.kit)
        #expect(ContinuousClock.now - began < .milliseconds(100))
    }

    @Test("intro and outro together last at most five seconds at each rate", arguments: ClipRate.allCases)
    func length(rate: ClipRate) async throws {
        let bumpers = try await MediaLab.get().kit.bumpers(at: rate)
        #expect(abs(bumpers.duration.inSeconds - 4.8) < 0.05)
    }

    // MARK: - The organiser's own

    /// A brand folder, and the kit that is made with it.
    private struct Brand {
        let lab: MediaLab
        let folder: Workspace
        let cache: Workspace

        init() async throws {
            lab = try await MediaLab.get()
            folder = try MediaLab.folder()
            cache = try MediaLab.folder()
        }

        func prepare() async throws -> BrandKit {
            try await BrandKit.prepare(in: cache.path, brandDir: folder.path, tools: lab.tools)
        }

        func draw(_ name: String, _ source: String, _ options: [String] = []) async throws {
            try await lab.ffmpeg(["-f", "lavfi", "-i", source] + options + [folder.file(name).path])
        }

        /// Bumpers that are quickly made, where they do not matter.
        func plainBumpers(_ parts: String...) async throws {
            for part in parts {
                try await draw("\(part).png", "color=gray:s=64x36", ["-frames:v", "1"])
            }
        }

        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: folder.file(name).path, atomically: false, encoding: .utf8)
        }

        /// Why the folder is refused; nothing is left of the attempt.
        func refusal() async throws -> String {
            do {
                _ = try await prepare()
                return "accepted"
            } catch BrandKitError.unusable(let reason) {
                #expect(try FileManager.default.contentsOfDirectory(atPath: cache.path).isEmpty)
                return reason
            }
        }
    }

    private static let drawing = """
        <svg xmlns="http://www.w3.org/2000/svg" width="40" height="10" viewBox="0 0 40 10">
        <rect width="40" height="10" fill="#ff0000"/></svg>
        """

    @Test("an intro of any size and rate takes the built-in one's place, in the clip's form, and can be joined")
    func ownIntro() async throws {
        let brand = try await Brand()
        try await brand.draw("intro.webm", "color=red:s=400x400:r=24:d=2", ["-c:v", "libvpx", "-b:v", "1M"])
        let kit = try await brand.prepare()
        for (own, builtIn) in zip(kit.facts, brand.lab.kit.facts) {
            #expect(abs(own.rate.duration(frames: own.introFrames).inSeconds - 2) < 0.05)
            #expect(own.extradataHash == builtIn.extradataHash)
        }
        let file = try await brand.lab.clip("in.mp4", in: brand.cache, source: "testsrc2=s=320x180:r=25:d=1")
        let clip = try await brand.lab.transcoder(kit).transcode(file, in: brand.cache) { _ in }
        let red = try await brand.lab.frame(of: clip.video, atSecond: 1).mean(aroundX: 640, y: 360)
        #expect(red.red > 200 && red.green < 40)
    }

    @Test("pictures become bumpers that fade in and out, and a drawing is drawn as large as the picture")
    func pictures() async throws {
        let brand = try await Brand()
        try brand.write("intro.svg", Self.drawing)
        try await brand.draw("outro.png", "color=lime:s=200x200", ["-frames:v", "1"])
        let kit = try await brand.prepare()
        let bumpers = kit.bumpers(at: .standard)
        #expect(bumpers.facts.introFrames == 72 && bumpers.facts.outroFrames == 72)
        let intro = try await brand.lab.frame(of: bumpers.intro, atSecond: 1.2)
        // 40 × 10 fill 1280 × 320, with the same red to the edges.
        for (x, y) in [(8, 360), (1270, 360), (640, 210), (640, 510)] {
            #expect(intro.mean(aroundX: x, y: y).red > 200, "\(x), \(y)")
        }
        #expect(intro.mean(aroundX: 640, y: 100).red < 40)
        let outro = try await brand.lab.frame(of: bumpers.outro, atSecond: 1.2)
        #expect(outro.mean(aroundX: 640, y: 360).green > 200)
    }

    @Test("a watermark is made to fit, and shown in its place on the clip", arguments: ["png", "svg"])
    func ownWatermark(kind: String) async throws {
        let brand = try await Brand()
        try await brand.plainBumpers("intro", "outro")
        if kind == "svg" {
            try brand.write("watermark.svg", Self.drawing)
        } else {
            try await brand.draw("watermark.png", "color=red:s=800x200", ["-frames:v", "1"])
        }
        let kit = try await brand.prepare()
        let size = try await brand.lab.ffprobe(
            ["-show_entries", "stream=width,height", "-of", "csv=p=0"], kit.watermark)
        #expect(size == "320,80\n")
        let file = try await brand.lab.clip("in.mp4", in: brand.cache, source: "color=gray:s=1280x720:r=30:d=1")
        let clip = try await brand.lab.transcoder(kit).transcode(file, in: brand.cache) { _ in }
        let frame = try await brand.lab.frame(of: clip.video, atSecond: 2.9)
        // Its 320 × 80 pixels end 24 before the lower right corner: red within each side, grey beyond it.
        for (x, y) in [(1100, 656), (944, 656), (1248, 656), (1100, 624), (1100, 688)] {
            let mark = frame.mean(aroundX: x, y: y)
            #expect(mark.red > 200 && mark.green < 60, "\(x), \(y): \(mark)")
        }
        for (x, y) in [(928, 656), (1264, 656), (1100, 608), (1100, 704)] {
            let beside = frame.mean(aroundX: x, y: y)
            #expect(abs(beside.red - 128) < 12 && abs(beside.green - 128) < 12, "\(x), \(y): \(beside)")
        }
    }

    @Test(
        "what cannot be used is refused with the file and the reason",
        arguments: [
            (["intro.mp4": "no video"], "intro.mp4"), (["intro.gif": "GIF89a"], "must be a file of the kind"),
            (["watermark.mp4": "x"], "the watermark must be a file of the kind png or svg"),
            (["outro.png": "<svg/>"], "content is no png picture"), (["outro.svg": "text"], "content is no svg"),
            (["outro.svg": "<svg"], "outro.svg cannot be used"), (["intro.png": ""], "must be a file of 1 to"),
            (["intro.svg": drawing, "intro.mp4": "x"], "there can be only one intro"),
            (["watermark.svg": "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"], "transparent"),
        ] as [([String: String], String)])
    func refused(files: [String: String], words: String) async throws {
        let brand = try await Brand()
        for (name, text) in files { try brand.write(name, text) }
        let reason = try await brand.refusal()
        #expect(reason.contains(words), "\(reason)")
        #expect(reason.contains(brand.folder.path), "\(reason)")
    }

    @Test("bumpers that are too long or too short are refused")
    func lengths() async throws {
        let long = try await Brand()
        try await long.plainBumpers("outro")
        try await long.draw("intro.mp4", "color=red:s=64x64:r=24:d=4", ["-pix_fmt", "yuv420p"])
        #expect(try await long.refusal().contains("last longer than 5 s together"))
        let short = try await Brand()
        try await short.plainBumpers("intro")
        try await short.draw("outro.mp4", "color=red:s=64x64:r=24:d=0.2", ["-pix_fmt", "yuv420p"])
        #expect(try await short.refusal().contains("is shorter than 0.5 s"))
    }

    @Test("a brand folder that is not there is named; other files in it are nobody's business")
    func folder() async throws {
        let lab = try await MediaLab.get()
        let cache = try MediaLab.folder()
        await #expect(throws: BrandKitError.self) {
            _ = try await BrandKit.prepare(in: cache.path, brandDir: "/nowhere/brand", tools: lab.tools)
        }
        let brand = try await Brand()
        try brand.write("README.txt", "our logo")
        #expect(try await brand.prepare().facts == lab.kit.facts)
    }

    @Test("links are followed, and a kit that was damaged is made anew")
    func linksAndDamage() async throws {
        let brand = try await Brand()
        let elsewhere = try MediaLab.folder()
        for part in ["intro", "outro"] {
            try await brand.lab.ffmpeg(
                ["-f", "lavfi", "-i", "color=gray:s=64x36", "-frames:v", "1", elsewhere.file("\(part).png").path])
            symlink(elsewhere.file("\(part).png").path, brand.folder.file("\(part).png").path)
        }
        let kit = try await brand.prepare()
        let folder = String(kit.watermark.path.dropLast("/watermark.png".count))
        try "{".write(toFile: folder + "/kit.json", atomically: false, encoding: .utf8)
        #expect(try await brand.prepare() == kit)
        #expect(try FileManager.default.contentsOfDirectory(atPath: brand.cache.path).count == 1)
    }

    @Test("a drawing that names other files shows none of them")
    func references() async throws {
        let brand = try await Brand()
        try await brand.plainBumpers("intro", "outro")
        let secret = try MediaLab.folder().file("secret.png")
        try await brand.lab.ffmpeg(["-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", secret.path])
        try brand.write(
            "watermark.svg",
            """
            <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">
            <rect width="64" height="64" fill="#00ff00"/>
            <image width="64" height="64" xlink:href="file://\(secret.path)"/></svg>
            """)
        let kit = try await brand.prepare()
        let colour = try await brand.lab.pixels(of: kit.watermark, atSecond: 0, crop: "2:2:30:30")
        // Pure green is 150 of 255 in grey; pure red is 76.
        #expect(colour.allSatisfy { $0 > 120 }, "\(colour)")
    }
}
