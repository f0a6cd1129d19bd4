import CZlib

/// gzip (RFC 1952) of bytes that are made once and sent often.
package enum Gzip {
    /// Most of what level 9 saves, at a third of its time.
    private static let level: Int32 = 5
    /// zlib's largest window, and 16 for gzip's own header.
    private static let windowBits: Int32 = 15 + 16

    /// Nil when memory is short.
    package static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard czlib_deflate_init(&stream, level, windowBits) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        let capacity = Int(deflateBound(&stream, uLong(bytes.count)))
        var input = bytes
        return input.withUnsafeMutableBufferPointer { input in
            var isWhole = false
            let output = [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
                stream.next_in = input.baseAddress
                stream.avail_in = uInt(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = uInt(capacity)
                isWhole = deflate(&stream, Z_FINISH) == Z_STREAM_END
                count = capacity - Int(stream.avail_out)
            }
            return isWhole ? output : nil
        }
    }
}
