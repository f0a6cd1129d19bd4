import Actors
import Crypto
import FoundationEssentials
import Glibc
import Transport

/// What a backup's folder holds, in `manifest.json`: a backup without it is not complete.
struct BackupManifest: Codable, Sendable {
    struct Object: Codable, Sendable {
        let key: String
        let contentType: String
        let sizeBytes: Int64
        let sha256: String
    }

    static let format = 1
    static let name = "manifest.json"
    /// pg_dump's custom format.
    static let dumpName = "database.dump"
    static let objectsName = "objects"
    /// Keys of tokens and links, of an installation that keeps its own.
    static let secretName = "secret"

    let format: Int
    let createdAt: Date
    let dumpSHA256: String
    /// The last step of the dump's schema.
    let schema: Int
    let users: Int
    let videos: Int
    let votes: Int
    /// Of the ranking's lines, in its order.
    let rankingSHA256: String
    let objects: [Object]
    /// Objects whose video was deleted while the backup ran.
    let deletedMeanwhile: [String]

    static func hash(ofRanking lines: [String]) -> String {
        hex(SHA256.hash(data: Data(lines.map { $0 + "\n" }.joined().utf8)))
    }

    /// Nil when the file cannot be read.
    static func hash(ofFile path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count > 0 { buffer.withUnsafeBytes { hash.update(bufferPointer: .init(rebasing: $0[..<count])) } }
            if count < buffer.count { return ferror(file) == 0 ? hex(hash.finalize()) : nil }
        }
    }

    private static func hex(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// - Throws: `BackupFailure`.
    static func read(_ folder: String) throws(BackupFailure) -> BackupManifest {
        guard let data = try? Data(contentsOf: URL(filePath: "\(folder)/\(name)")) else {
            throw BackupFailure("\(folder) is no backup, or one that did not come to its end: it has no \(name)")
        }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        guard let manifest = try? decoder.decode(BackupManifest.self, from: data), manifest.format == format else {
            throw BackupFailure(
                "\(folder)/\(name) is not of format \(format): restore it with the version that made it")
        }
        return manifest
    }

    func write(_ folder: String) throws {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: "\(folder)/\(Self.name)"), options: .atomic)
    }
}

struct BackupFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
