import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
import Transport

/// What commands read and write for a person.
enum CommandFiles {
    /// Temporary folders within the data folder: what a killed command leaves there, the next node removes.
    static func workspaces(_ configuration: NodeConfiguration) throws -> FileWorkspaces {
        try FileWorkspaces(
            root: try DataFolder(path: configuration.dataDir).path + "/temp",
            process: IdentifierSource(random: SystemRandomSource()).make(Node.self).description, reserveBytes: 0)
    }

    /// The bytes of what a person named, links followed.
    /// - Throws: `ExitCode(1)` after a sentence for what is no file.
    static func sizeBytes(of file: String) throws -> Int64 {
        var status = stat()
        guard stat(file, &status) == 0 else {
            StandardError.write("anb: \(file): \(String(cString: strerror(errno)))")
            throw ExitCode(1)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            StandardError.write("anb: \(file) is no file")
            throw ExitCode(1)
        }
        return Int64(status.st_size)
    }

    /// A copy of what a person named: the media tools' user is allowed at it, at the original it may not be.
    static func copy(of file: String, to copy: LocalFile) throws {
        _ = try sizeBytes(of: file)
        guard let resolved = realpath(file, nil) else {
            throw ValidationError("\(file): \(String(cString: strerror(errno)))")
        }
        defer { free(resolved) }
        try FileManager.default.copyItem(atPath: String(cString: resolved), toPath: copy.path)
    }

    /// Puts what was made where a person wants it.
    static func put(_ file: LocalFile, at path: String) throws {
        try Data(contentsOf: URL(filePath: file.path)).write(to: URL(filePath: path))
    }
}
