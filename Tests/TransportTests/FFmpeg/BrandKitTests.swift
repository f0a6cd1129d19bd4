import Actors
import FoundationEssentials
import Testing
import Transport

@Suite("the brand kit", .timeLimit(.minutes(2)))
struct BrandKitTests {
    @Test("two nodes that prepare at once get the same kit, and leave no drafts")
    func together() async throws {
        let lab = try await MediaLab.get()
        let folder = try MediaLab.folder()
        async let first = BrandKit.prepare(in: folder.path, tools: lab.tools)
        async let second = BrandKit.prepare(in: folder.path, tools: lab.tools)
        let kits = try await [first, second]
        #expect(kits[0] == kits[1])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
    }

    @Test("a kit that was made is used again at once")
    func again() async throws {
        let lab = try await MediaLab.get()
        let cache = (lab.kit.intro.path as String).split(separator: "/").dropLast(2).joined(separator: "/")
        let began = ContinuousClock.now
        let kit = try await BrandKit.prepare(in: "/\(cache)", tools: lab.tools)
        #expect(kit == lab.kit)
        #expect(ContinuousClock.now - began < .milliseconds(100))
    }

    @Test("intro and outro together last at most five seconds")
    func length() async throws {
        let facts = try await MediaLab.get().kit.facts
        #expect(facts.introFrames == 72)
        #expect(facts.outroFrames == 72)
    }

    @Test("an owner's intro takes the built-in one's place, in the clip's form and cut to its length")
    func ownIntro() async throws {
        let lab = try await MediaLab.get()
        let brand = try MediaLab.folder()
        let cache = try MediaLab.folder()
        _ = try await lab.clip("intro.mp4", in: brand, source: "color=red:s=400x400:r=24:d=4")
        let kit = try await BrandKit.prepare(in: cache.path, brandDir: brand.path, tools: lab.tools)
        #expect(kit.facts.introFrames == 75)
        #expect(kit.facts.extradataHash == lab.kit.facts.extradataHash)
        #expect(kit.intro != lab.kit.intro)
    }

    @Test("an owner's intro that cannot be read is named as such")
    func brokenIntro() async throws {
        let lab = try await MediaLab.get()
        let brand = try MediaLab.folder()
        let cache = try MediaLab.folder()
        try "no video".write(toFile: brand.file("intro.mp4").path, atomically: false, encoding: .utf8)
        do {
            _ = try await BrandKit.prepare(in: cache.path, brandDir: brand.path, tools: lab.tools)
            Issue.record("a text was taken for an intro")
        } catch BrandKitError.unusable {
            #expect(try FileManager.default.contentsOfDirectory(atPath: cache.path).isEmpty)
        }
    }
}
