import Actors
import FoundationEssentials

/// Inputs near those of a corpus (`Tests/NodesTests/Fuzz/corpus/NAME`, one input a file), the same for one seed.
struct Mutator {
    private var random: SplitMix64
    private let corpus: [[UInt8]]
    /// What one byte after the other would take long to find.
    private let words: [[UInt8]]
    private static let maximumBytes = 4096

    init(_ name: String, seed: UInt64, words: [String] = []) throws {
        random = SplitMix64(seed: seed)
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "corpus/\(name)").path
        corpus = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { file in
            Array(try Data(contentsOf: URL(filePath: "\(folder)/\(file)")))
        }
        self.words = words.map { Array($0.utf8) } + [[0], [0xFF], [0x0D, 0x0A], [0xC3, 0x28], Array("%00".utf8)]
    }

    mutating func below(_ count: Int) -> Int { Int(random.next(upperBound: UInt64(count))) }

    /// One to four changes of an input of the corpus.
    mutating func next() -> [UInt8] {
        var bytes = corpus[below(corpus.count)]
        for _ in 0...below(4) { change(&bytes) }
        if bytes.count > Self.maximumBytes { bytes.removeLast(bytes.count - Self.maximumBytes) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = below(bytes.count + 1)
        switch below(8) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8))
        case 1 where place < bytes.count: bytes[place] = UInt8(below(256))
        case 2: bytes.insert(UInt8(below(256)), at: place)
        case 3: bytes.insert(contentsOf: words[below(words.count)], at: place)
        case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(16)))
        case 5: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + below(32))], at: place)
        case 6:
            let other = corpus[below(corpus.count)]
            bytes.replaceSubrange(place..., with: other[below(other.count + 1)...])
        default: bytes.removeSubrange(place...)
        }
    }
}
