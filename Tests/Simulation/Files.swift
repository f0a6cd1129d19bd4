import Glibc

struct FileTrouble: Error, CustomStringConvertible {
    let description: String
}

/// Replaces the file. (Foundation's writing brings the linker's warning about `mktemp` into a static binary.)
func writeFile(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "w") else {
        throw FileTrouble(description: "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
    let written = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, written == bytes.count else {
        throw FileTrouble(description: "\(path) was not written whole: is the disk full?")
    }
}

/// Nil when it cannot be read.
func readFile(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { return bytes }
        bytes += buffer[..<count]
    }
}
