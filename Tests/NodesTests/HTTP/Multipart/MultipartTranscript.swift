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
