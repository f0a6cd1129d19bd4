import Nodes

/// What a parse amounted to, whatever the chunks were.
struct MultipartTranscript: Equatable {
    struct Part: Equatable {
        var headers: MultipartPartHeaders
        var body: [UInt8] = []
        var hasEnded = false
    }

    var parts: [Part] = []
    var isFinished = false

    /// Feeds the chunks and then the end.
    static func parse(
        _ chunks: [ArraySlice<UInt8>], boundary: String, limits: MultipartLimits = MultipartLimits()
    ) throws -> MultipartTranscript {
        var parser = MultipartParser(boundary: try MultipartBoundary(boundary), limits: limits)
        var transcript = MultipartTranscript()
        for chunk in chunks {
            for event in try parser.receive(chunk) { transcript.take(event, chunk) }
        }
        try parser.finish()
        return transcript
    }

    static func parse(_ text: String, boundary: String = "b") throws -> MultipartTranscript {
        try parse([Array(text.utf8)[...]], boundary: boundary)
    }

    private mutating func take(_ event: MultipartEvent, _ chunk: ArraySlice<UInt8>) {
        switch event {
        case .partBegan(let headers): parts.append(Part(headers: headers))
        case .body(let range):
            parts[parts.count - 1].body += chunk.dropFirst(range.lowerBound).prefix(range.count)
        case .heldBody(let bytes): parts[parts.count - 1].body += bytes
        case .partEnded: parts[parts.count - 1].hasEnded = true
        case .finished: isFinished = true
        }
    }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
