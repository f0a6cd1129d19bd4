import Actors

/// Reads ffmpeg's `-progress` lines and says how far it is.
package struct EncodeProgress: Sendable {
    private let expectedMicroseconds: Int64
    private var line: [UInt8] = []
    /// The last value that was told.
    private var percent = -1

    private static let maximumLineBytes = 4096
    private static let key = Array("out_time_us=".utf8)

    /// - Parameter expected: the length of the output; 0 or less counts as the longest clip.
    package init(expected: Duration) {
        let microseconds = expected.nanoseconds / 1000
        let longest = Int64(ClipFormat.maximumSeconds) * 1_000_000
        expectedMicroseconds = microseconds > 0 ? min(microseconds, longest) : longest
    }

    /// Returns a percentage (0 to 100) greater than all before it, or nil where the bytes tell nothing new.
    package mutating func read(_ bytes: [UInt8]) -> Int? {
        var latest: Int?
        for byte in bytes {
            if byte != UInt8(ascii: "\n") {
                if line.count < Self.maximumLineBytes { line.append(byte) }
                continue
            }
            if let value = Self.microseconds(in: line) { latest = value }
            line.removeAll(keepingCapacity: true)
        }
        guard let latest else { return nil }
        // Clamped before the multiplication: the number came from outside.
        let done = Int(max(0, min(Int64(latest), expectedMicroseconds)) * 100 / expectedMicroseconds)
        guard done > percent else { return nil }
        percent = done
        return done
    }

    /// Nil for other keys, and for `N/A`, which ffmpeg writes until the first packet.
    private static func microseconds(in line: [UInt8]) -> Int? {
        guard line.starts(with: key) else { return nil }
        return Int(String(decoding: line.dropFirst(key.count), as: UTF8.self).filter { !$0.isWhitespace })
    }
}
