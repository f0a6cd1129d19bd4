import Synchronization

/// A body that is made once and sent to many, its entity tag, and its compressed form once somebody wants it.
package final class ReadyBytes: Sendable {
    package let bytes: [UInt8]
    /// 16 hexadecimal digits of the bytes (FNV-1a): equal bytes have equal tags on every node.
    package let tag: String
    private let packed = Mutex<[UInt8]?>(nil)
    private let text = Mutex<String?>(nil)
    private let buffer = Mutex<(any Sendable)?>(nil)

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        tag = Self.tag(of: bytes)
    }

    package static func tag(of bytes: some Sequence<UInt8>) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The bytes as the transport sends them, made when first asked for: not copied for each request.
    package func buffer<Buffer: Sendable>(_ make: ([UInt8]) -> Buffer) -> Buffer {
        if let known = buffer.withLock({ $0 }) as? Buffer { return known }
        let made = make(bytes)
        buffer.withLock { $0 = made }
        return made
    }

    /// What is sent beside it, made when first asked for.
    package func note(_ make: () -> String) -> String {
        if let known = text.withLock({ $0 }) { return known }
        let made = make()
        text.withLock { $0 = made }
        return made
    }

    /// Made by `compress` when first asked for; what it cannot make is not kept.
    package func compressed(by compress: ([UInt8]) -> [UInt8]?) -> [UInt8]? {
        if let known = packed.withLock({ $0 }) { return known }
        guard let made = compress(bytes) else { return nil }
        packed.withLock { $0 = made }
        return made
    }
}
