import Actors
import FoundationEssentials
import Glibc

/// Intro, outro and watermark in the clip's own form, ready to be joined; the bumpers once for each rate.
package struct BrandKit: Sendable, Equatable {
    package let watermark: LocalFile
    private let folder: String
    package let facts: [Facts]

    /// What is known of the bumpers of one rate since they were made.
    package struct Facts: Codable, Sendable, Equatable {
        package let rate: ClipRate
        /// Of both bumpers; a clip with another one is not joined by copying.
        package var extradataHash: String
        package let introFrames: Int
        package let outroFrames: Int
    }

    /// Intro and outro at one rate.
    package struct Bumpers: Sendable, Equatable {
        package let intro: LocalFile
        package let outro: LocalFile
        package let facts: Facts

        package var duration: Duration { facts.rate.duration(frames: facts.introFrames + facts.outroFrames) }
    }

    /// Intro and outro together.
    static let maximumBumperSeconds = 5
    static let minimumBumperSeconds = 0.5

    /// - Parameter facts: of each rate.
    package init(folder: String, facts: [Facts]) {
        precondition(Set(facts.map(\.rate)) == Set(ClipRate.allCases), "bumpers for each rate")
        self.folder = folder
        self.facts = facts
        watermark = LocalFile("\(folder)/watermark.png")
    }

    package func bumpers(at rate: ClipRate) -> Bumpers {
        guard let facts = facts.first(where: { $0.rate == rate }) else { preconditionFailure("no bumpers at \(rate)") }
        let workspace = Workspace(path: folder)
        return Bumpers(
            intro: workspace.file(Self.name(.intro, rate)), outro: workspace.file(Self.name(.outro, rate)), facts: facts
        )
    }

    static func name(_ part: BrandFolder.Part, _ rate: ClipRate) -> String { "\(part.rawValue)-\(rate.rawValue).mp4" }

    /// Finds the kit in `cacheDir` (made if absent) or makes it there, in one rename: several nodes may prepare the
    /// same kit at once, and none sees half of one.
    ///
    /// - Parameter brandDir: may hold an intro, an outro and a watermark, each in place of the built-in one (docs/brand.md).
    /// - Throws: `.unusable` with the file's path and what is wrong with it.
    package static func prepare(
        in cacheDir: String, brandDir: String? = nil, tools: FFmpegTools
    ) async throws(BrandKitError) -> BrandKit {
        let workshop = BrandWorkshop(tools: tools, brand: try BrandFolder(brandDir))
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
            // Another node was first.
            if let kit = load(folder) { return kit }
            // What is there was damaged, by a full disk or a loss of power.
            if rename(folder, "\(draft)-damaged") == 0 {
                try? FileManager.default.removeItem(atPath: "\(draft)-damaged")
            }
            if rename(draft, folder) == 0 { return BrandKit(folder: folder, facts: facts) }
            let renameError = errno
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
            let facts = try? JSONDecoder().decode([Facts].self, from: data),
            Set(facts.map(\.rate)) == Set(ClipRate.allCases)
        else { return nil }
        let kit = BrandKit(folder: folder, facts: facts)
        let files = [kit.watermark] + ClipRate.allCases.map { kit.bumpers(at: $0) }.flatMap { [$0.intro, $0.outro] }
        return files.allSatisfy { access($0.path, R_OK) == 0 } ? kit : nil
    }
}

package enum BrandKitError: Error, Sendable, Equatable, CustomStringConvertible {
    case cancelled
    /// A font or a file of the brand folder is missing or cannot be used.
    case unusable(String)
    /// The cache folder cannot be written, or ffmpeg could not run.
    case unavailable(String)

    package var description: String {
        switch self {
        case .cancelled: "cancelled"
        case .unusable(let detail), .unavailable(let detail): detail
        }
    }
}
