import Actors
import FoundationEssentials
import Glibc

/// Intro, outro and watermark in the clip's own form, ready to be joined.
package struct BrandKit: Sendable, Equatable {
    package let intro: LocalFile
    package let outro: LocalFile
    package let watermark: LocalFile
    package let facts: Facts

    /// What is known of the bumpers since they were made.
    package struct Facts: Codable, Sendable, Equatable {
        /// Of both bumpers; a clip with another one is not joined by copying.
        package var extradataHash: String
        package var introFrames: Int
        package var outroFrames: Int
    }

    /// The longest intro and the longest outro: five seconds together.
    static let maximumBumperSeconds = 2.5

    package init(folder: String, facts: Facts) {
        intro = LocalFile("\(folder)/intro.mp4")
        outro = LocalFile("\(folder)/outro.mp4")
        watermark = LocalFile("\(folder)/watermark.png")
        self.facts = facts
    }

    /// Finds the kit in `cacheDir` (made if absent) or makes it there, in one rename: several nodes may prepare the
    /// same kit at once, and none sees half of one.
    ///
    /// - Parameter brandDir: may hold `intro.mp4`, `outro.mp4` and `watermark.png`, each in place of the built-in one.
    ///   A bumper is cut at 2.5 s, a watermark is at most 320 pixels wide.
    package static func prepare(
        in cacheDir: String, brandDir: String? = nil, tools: FFmpegTools
    ) async throws(BrandKitError) -> BrandKit {
        let workshop = BrandWorkshop(tools: tools, brandDir: brandDir)
        let folder = "\(cacheDir)/brand-\(workshop.key)"
        if let kit = load(folder) { return kit }
        do {
            try FileManager.default.createDirectory(atPath: cacheDir, withIntermediateDirectories: true)
            let draft = "\(cacheDir)/.brand-\(workshop.key)-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
            try FileManager.default.createDirectory(atPath: draft, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(atPath: draft) }
            let facts = try await workshop.make(in: draft)
            try JSONEncoder().encode(facts).write(to: URL(filePath: "\(draft)/kit.json"))
            if rename(draft, folder) == 0 { return BrandKit(folder: folder, facts: facts) }
            let renameError = errno
            // Another node was first.
            if let kit = load(folder) { return kit }
            throw BrandKitError.unavailable("\(folder): \(String(cString: strerror(renameError)))")
        } catch let error as BrandKitError {
            throw error
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private static func load(_ folder: String) -> BrandKit? {
        guard let data = try? Data(contentsOf: URL(filePath: "\(folder)/kit.json")),
            let facts = try? JSONDecoder().decode(Facts.self, from: data)
        else { return nil }
        let kit = BrandKit(folder: folder, facts: facts)
        let files = [kit.intro, kit.outro, kit.watermark]
        return files.allSatisfy { access($0.path, R_OK) == 0 } ? kit : nil
    }
}

package enum BrandKitError: Error, Sendable, Equatable {
    case cancelled
    /// A font or a file of the brand folder is missing or cannot be used.
    case unusable(String)
    /// The cache folder cannot be written, or ffmpeg could not run.
    case unavailable(String)
}
