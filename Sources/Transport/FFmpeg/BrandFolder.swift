import Actors
import FoundationEssentials
import Glibc

/// The organiser's own intro, outro and watermark: each a file named after its part, in place of the built-in one.
struct BrandFolder: Sendable {
    enum Part: String, Sendable, CaseIterable {
        case intro, outro, watermark
    }

    enum Kind: Sendable {
        case clip, png, svg

        /// The largest file, in bytes.
        var maximumBytes: Int64 {
            switch self {
            case .clip: 100_000_000
            case .png: 20_000_000
            case .svg: 2_000_000
            }
        }
    }

    struct File: Sendable {
        let part: Part
        let kind: Kind
        /// As the organiser named it.
        let file: LocalFile
        /// Where that leads to.
        let content: LocalFile
        /// Changes when the file does.
        let version: String
    }

    private let files: [Part: File]

    private static let kinds: [String: Kind] = [
        "mp4": .clip, "mov": .clip, "mkv": .clip, "webm": .clip, "avi": .clip, "png": .png, "svg": .svg,
    ]

    /// - Parameter path: nil for the built-in brand alone. Files with other names are none of its business.
    /// - Throws: `.unusable` for a folder that cannot be read, a part that is there twice or by an unknown kind of file.
    init(_ path: String?) throws(BrandKitError) {
        guard let path else {
            files = [:]
            return
        }
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: path).sorted() } catch {
            throw .unusable("\(path): the brand folder cannot be read: \(error)")
        }
        var files: [Part: File] = [:]
        for name in names {
            guard let dot = name.lastIndex(of: "."), let part = Part(rawValue: name[..<dot].lowercased()) else {
                continue
            }
            let file = LocalFile("\(path)/\(name)")
            let ending = name[dot...].dropFirst().lowercased()
            guard let kind = Self.kinds[ending], part != .watermark || kind != .clip else {
                let wanted = part == .watermark ? "png or svg" : "mp4, mov, mkv, webm, avi, png or svg"
                throw .unusable("\(file.path): the \(part.rawValue) must be a file of the kind \(wanted)")
            }
            if let other = files[part] {
                throw .unusable("\(other.file.path) and \(file.path): there can be only one \(part.rawValue)")
            }
            guard let resolved = realpath(file.path, nil) else {
                throw .unusable("\(file.path) cannot be read: \(String(cString: strerror(errno)))")
            }
            defer { free(resolved) }
            files[part] = File(
                part: part, kind: kind, file: file, content: LocalFile(String(cString: resolved)),
                version: try Self.version(of: file, kind))
        }
        self.files = files
    }

    subscript(part: Part) -> File? { files[part] }

    /// Names each file with its state.
    var versions: [String] { Part.allCases.compactMap { files[$0]?.version } }

    private static func version(of file: LocalFile, _ kind: Kind) throws(BrandKitError) -> String {
        var status = stat()
        guard stat(file.path, &status) == 0, access(file.path, R_OK) == 0 else {
            throw .unusable("\(file.path) cannot be read: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG, (1...kind.maximumBytes).contains(Int64(status.st_size)) else {
            throw .unusable("\(file.path) must be a file of 1 to \(kind.maximumBytes) bytes")
        }
        let (changed, number) = (status.st_ctim, status.st_ino)
        return "\(file.path) \(status.st_size) \(number) \(changed.tv_sec).\(changed.tv_nsec)"
    }
}
