import Glibc

/// Finds a delimiter, `CRLF "--" boundary`, in a stream of chunks and never copies them. Sans I/O.
///
/// The delimiter holds one CR, its first byte: what has matched at the end of a chunk can begin nowhere else, so a
/// mismatch in the next chunk gives all of it back to the body. For the same reason the search within a chunk
/// (`memchr` for the CR, then Horspool's shift) takes linear time on any input.
struct DelimiterScanner {
    enum Finding: Equatable {
        /// The delimiter ends before `next`; `content` precedes it in this chunk.
        case found(content: Range<Int>, next: Int)
        /// The chunk is used up. The last bytes may be held back.
        case content(Range<Int>)
        /// The bytes held back were content: they precede this chunk, which has not been looked at.
        case released(Int)
    }

    let delimiter: [UInt8]
    /// By how much a window whose last byte is the index may move on.
    private let shifts: [UInt8]
    /// How much of the delimiter has matched at the end of what was seen.
    private(set) var heldCount = 0

    /// - Parameter isAtLineStart: the stream begins as if a CRLF preceded it.
    init(boundary: MultipartBoundary, isAtLineStart: Bool) {
        delimiter = [0x0D, 0x0A, UInt8(ascii: "-"), UInt8(ascii: "-")] + Array(boundary.text.utf8)
        var shifts = [UInt8](repeating: UInt8(delimiter.count), count: 256)
        for (index, byte) in delimiter.dropLast().enumerated() {
            shifts[Int(byte)] = UInt8(delimiter.count - 1 - index)
        }
        self.shifts = shifts
        heldCount = isAtLineStart ? 2 : 0
    }

    /// Looks at the chunk from `start` on.
    mutating func scan(_ chunk: UnsafeRawBufferPointer, from start: Int) -> Finding {
        if heldCount > 0 { return resume(chunk, from: start) }
        if let position = firstDelimiter(in: chunk, from: start) {
            return .found(content: start..<position, next: position + delimiter.count)
        }
        heldCount = Self.partialMatch(chunk, from: start, delimiter: delimiter)
        return .content(start..<chunk.count - heldCount)
    }

    private func firstDelimiter(in chunk: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard chunk.count - start >= delimiter.count, let base = chunk.baseAddress else { return nil }
        return delimiter.withUnsafeBufferPointer { delimiter in
            shifts.withUnsafeBufferPointer { shifts in
                let lastIndex = delimiter.count - 1
                let lastByte = delimiter[lastIndex]
                var position = start
                while position + lastIndex < chunk.count {
                    guard let hit = memchr(base + position, 0x0D, chunk.count - lastIndex - position) else { break }
                    position = base.distance(to: UnsafeRawPointer(hit))
                    let byte = base.load(fromByteOffset: position + lastIndex, as: UInt8.self)
                    if byte == lastByte, Self.matches(base + position, delimiter) { return position }
                    position += Int(shifts[Int(byte)])
                }
                return nil
            }
        }
    }

    private static func matches(_ bytes: UnsafeRawPointer, _ delimiter: UnsafeBufferPointer<UInt8>) -> Bool {
        for index in 0..<delimiter.count where bytes.load(fromByteOffset: index, as: UInt8.self) != delimiter[index] {
            return false
        }
        return true
    }

    private mutating func resume(_ chunk: UnsafeRawBufferPointer, from start: Int) -> Finding {
        var index = start
        while index < chunk.count, heldCount < delimiter.count, chunk[index] == delimiter[heldCount] {
            index += 1
            heldCount += 1
        }
        if heldCount == delimiter.count {
            heldCount = 0
            return .found(content: start..<start, next: index)
        }
        if index == chunk.count { return .content(start..<start) }
        // Bytes of this chunk that matched are delivered from it.
        let released = heldCount - (index - start)
        heldCount = 0
        return .released(released)
    }

    /// The length of the longest end of the chunk that begins a delimiter: it starts at the last CR or not at all.
    private static func partialMatch(_ chunk: UnsafeRawBufferPointer, from start: Int, delimiter: [UInt8]) -> Int {
        let tail = chunk[max(start, chunk.count - delimiter.count + 1)...]
        guard let last = tail.lastIndex(of: 0x0D) else { return 0 }
        let candidate = tail[last...]
        return candidate.elementsEqual(delimiter.prefix(candidate.count)) ? candidate.count : 0
    }
}
