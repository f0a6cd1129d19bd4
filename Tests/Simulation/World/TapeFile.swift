import FoundationEssentials

/// A tape in a file: a line with the seed, then one a stream, its choices with runs of zeros as `z` and their number.
package enum TapeFile {
    package struct Unreadable: Error, CustomStringConvertible {
        package let description: String
    }

    private static let head = "anb-tape-1"

    package static func write(_ result: SeedResult, to path: String) throws {
        let lines =
            [
                "\(head) seed \(result.seed) \(result.failure ?? "holds")"
            ] + ChoiceStream.allCases.map { "\($0) \(encode(result.recording[$0]))" }
        try writeFile(Array((lines.joined(separator: "\n") + "\n").utf8), to: path)
    }

    /// - Throws: `Unreadable`, or the file system's error.
    package static func replay(_ path: String, keepsText: Bool = false) throws -> SeedResult {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 3, words[0] == head, words[1] == "seed", let seed = UInt64(words[2]) else {
            throw Unreadable(description: "\(path): the first line is not \"\(head) seed NUMBER …\"")
        }
        var recording = TapeRecording()
        for line in lines.dropFirst() {
            let parts = line.split(separator: " ")
            guard let stream = ChoiceStream.allCases.first(where: { "\($0)" == parts[0] }),
                let choices = decode(parts.dropFirst())
            else { throw Unreadable(description: "\(path): not a line of a tape: \(line.prefix(40))…") }
            recording[stream] = choices
        }
        return SeedResult.run(seed, replaying: recording, keepsText: keepsText)
    }

    static func encode(_ choices: [UInt64]) -> String {
        var words: [String] = []
        var zeros = 0
        func end() {
            if zeros > 0 { words.append("z\(zeros)") }
            zeros = 0
        }
        for choice in choices {
            if choice == 0 {
                zeros += 1
            } else {
                end()
                words.append("\(choice)")
            }
        }
        // Past its end a tape is all zeros.
        return words.joined(separator: " ")
    }

    static func decode(_ words: some Sequence<Substring>) -> [UInt64]? {
        var choices: [UInt64] = []
        for word in words {
            if word.first == "z", let zeros = Int(word.dropFirst()), zeros < 10_000_000 {
                choices += Array(repeating: 0, count: zeros)
            } else if let choice = UInt64(word) {
                choices.append(choice)
            } else {
                return nil
            }
        }
        return choices
    }
}
