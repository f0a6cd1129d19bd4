/// The last bytes of a stream, in bounded memory.
package struct OutputTail: Sendable {
    private let limitBytes: Int
    private var bytes: [UInt8] = []

    package init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    package mutating func append(_ chunk: [UInt8]) {
        bytes.append(contentsOf: chunk.suffix(limitBytes))
        // Trimmed at twice the limit, so that each byte is moved once on average.
        if bytes.count > 2 * limitBytes { bytes.removeFirst(bytes.count - limitBytes) }
    }

    package var text: String { String(decoding: bytes.suffix(limitBytes), as: UTF8.self) }
}
