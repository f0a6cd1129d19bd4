/// Reads a `multipart/form-data` body (RFC 7578, RFC 2046 section 5.1) that comes in chunks of any size. Sans I/O and
/// without a copy of the parts' bodies: events refer to the chunk that was just received.
///
/// Bounds: the limits, and fewer than 75 bytes between two chunks. Line ends are CRLF, as the RFCs demand. After an
/// error every further call throws it again.
package struct MultipartParser: Sendable {
    private enum State {
        case preamble
        /// Behind a boundary: `--`, or padding and CRLF.
        case delimiterLine(DelimiterLine)
        case headers
        case body
        case epilogue
        case failed(MultipartError)
    }

    private enum DelimiterLine {
        case start, dash, padding, carriageReturn
    }

    private let limits: MultipartLimits
    private var scanner: DelimiterScanner
    private var state = State.preamble
    private var headerBlock: [UInt8] = []
    private var partCount = 0
    /// The scanner begins as if behind a CRLF, which it gives back with a preamble although it was never received.
    private var surroundingBytes = -2

    package init(boundary: MultipartBoundary, limits: MultipartLimits = MultipartLimits()) {
        self.limits = limits
        scanner = DelimiterScanner(boundary: boundary, isAtLineStart: true)
    }

    /// Takes the next chunk; what it brings is appended to `events`.
    package mutating func receive(
        _ chunk: UnsafeRawBufferPointer, into events: inout [MultipartEvent]
    ) throws(MultipartError) {
        do throws(MultipartError) {
            var position = 0
            while position < chunk.count {
                position = try step(chunk, from: position, &events)
            }
        } catch {
            state = .failed(error)
            throw error
        }
    }

    /// The same for bytes at hand. Offsets count from the collection's start.
    package mutating func receive(_ chunk: some Collection<UInt8>) throws(MultipartError) -> [MultipartEvent] {
        var events: [MultipartEvent] = []
        let parse = { (parser: inout MultipartParser, bytes: UnsafeRawBufferPointer) -> MultipartError? in
            do throws(MultipartError) {
                try parser.receive(bytes, into: &events)
                return nil
            } catch {
                return error
            }
        }
        let direct = chunk.withContiguousStorageIfAvailable { parse(&self, UnsafeRawBufferPointer($0)) }
        if let error = direct ?? Array(chunk).withUnsafeBytes({ parse(&self, $0) }) { throw error }
        return events
    }

    /// The body has ended.
    package func finish() throws(MultipartError) {
        switch state {
        case .epilogue: return
        case .failed(let error): throw error
        case .preamble, .delimiterLine, .headers, .body: throw .truncated
        }
    }

    /// Advances through the chunk and returns where to go on.
    private mutating func step(
        _ chunk: UnsafeRawBufferPointer, from position: Int, _ events: inout [MultipartEvent]
    ) throws(MultipartError) -> Int {
        switch state {
        case .failed(let error): throw error
        case .preamble:
            return try skipPreamble(chunk, from: position)
        case .delimiterLine(let line):
            try receiveDelimiterLine(chunk[position], line, &events)
            return position + 1
        case .headers:
            return try receiveHeaders(chunk, from: position, &events)
        case .body:
            return receiveBody(chunk, from: position, &events)
        case .epilogue:
            try countSurroundings(chunk.count - position)
            return chunk.count
        }
    }

    private mutating func skipPreamble(
        _ chunk: UnsafeRawBufferPointer, from position: Int
    ) throws(MultipartError) -> Int {
        switch scanner.scan(chunk, from: position) {
        case .found(let content, let next):
            try countSurroundings(content.count)
            surroundingBytes = max(surroundingBytes, 0)
            state = .delimiterLine(.start)
            return next
        case .content(let content):
            try countSurroundings(content.count)
            return chunk.count
        case .released(let count):
            try countSurroundings(count)
            return position
        }
    }

    private mutating func receiveDelimiterLine(
        _ byte: UInt8, _ line: DelimiterLine, _ events: inout [MultipartEvent]
    ) throws(MultipartError) {
        switch (line, byte) {
        case (.start, UInt8(ascii: "-")):
            state = .delimiterLine(.dash)
        case (.dash, UInt8(ascii: "-")):
            state = .epilogue
            events.append(.finished)
        case (.start, 0x20), (.start, 0x09), (.padding, 0x20), (.padding, 0x09):
            try countSurroundings(1)
            state = .delimiterLine(.padding)
        case (.start, 0x0D), (.padding, 0x0D):
            state = .delimiterLine(.carriageReturn)
        case (.carriageReturn, 0x0A):
            guard partCount < limits.maxParts else { throw .tooManyParts(limit: limits.maxParts) }
            partCount += 1
            headerBlock = []
            state = .headers
        default: throw .malformedDelimiter
        }
    }

    private mutating func receiveHeaders(
        _ chunk: UnsafeRawBufferPointer, from position: Int, _ events: inout [MultipartEvent]
    ) throws(MultipartError) -> Int {
        let lineEnd = chunk[position...].firstIndex(of: 0x0A)
        let next = lineEnd.map { $0 + 1 } ?? chunk.count
        guard headerBlock.count + next - position <= limits.maxHeaderBytes else {
            throw .headersTooLarge(limitBytes: limits.maxHeaderBytes)
        }
        headerBlock.append(contentsOf: chunk[position..<next])
        let isComplete = headerBlock == [0x0D, 0x0A] || headerBlock.suffix(4) == [0x0D, 0x0A, 0x0D, 0x0A]
        guard isComplete else { return next }
        events.append(.partBegan(try MultipartPartHeaders(block: headerBlock.dropLast(2))))
        headerBlock = []
        state = .body
        return next
    }

    private mutating func receiveBody(
        _ chunk: UnsafeRawBufferPointer, from position: Int, _ events: inout [MultipartEvent]
    ) -> Int {
        switch scanner.scan(chunk, from: position) {
        case .found(let content, let next):
            if !content.isEmpty { events.append(.body(content)) }
            events.append(.partEnded)
            state = .delimiterLine(.start)
            return next
        case .content(let content):
            if !content.isEmpty { events.append(.body(content)) }
            return chunk.count
        case .released(let count):
            events.append(.heldBody(Array(scanner.delimiter.prefix(count))))
            return position
        }
    }

    private mutating func countSurroundings(_ count: Int) throws(MultipartError) {
        surroundingBytes += count
        guard surroundingBytes <= limits.maxSurroundingBytes else {
            throw .surroundingsTooLarge(limitBytes: limits.maxSurroundingBytes)
        }
    }
}
