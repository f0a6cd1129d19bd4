import FoundationEssentials

/// The only source of chance in `Actors`: system randomness on a node, the seed's tape in the simulation.
package protocol RandomSource: Sendable {
    /// Uniform over all 64-bit values.
    func next() -> UInt64
}

/// Makes ids; on a node from system randomness, in the simulation from the seed.
package struct IdentifierSource: Sendable {
    private let random: any RandomSource

    package init(random: any RandomSource) {
        self.random = random
    }

    /// A version 4 UUID (RFC 9562, 5.4).
    package func make<Subject>(_ subject: Subject.Type = Subject.self) -> Identifier<Subject> {
        let high = random.next()
        let low = random.next()
        var bytes = [UInt8]()
        bytes.reserveCapacity(16)
        for word in [high, low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return Identifier(
            UUID(
                uuid: (
                    bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
                    bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
                )))
    }
}

extension RandomSource {
    /// Uniform in 0 ..< 1.
    package func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014): a seed, a sequence. Not for
/// secrets.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    /// Between two states: 2^64 divided by the golden ratio.
    package static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= Self.step
        return Self.stir(state)
    }

    /// Different words for different states, with no likeness between those of neighbours.
    package static func stir(_ state: UInt64) -> UInt64 {
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
