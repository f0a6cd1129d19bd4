import Actors
import ArgumentParser
import Transport

/// `anb video trace ID`: what happened to one video.
struct VideoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "video", abstract: "Look at one video.", subcommands: [Trace.self])

    struct Trace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "trace",
            abstract: "Print each change of a video's state: when, why, which attempt, which node, which request.",
            discussion: "Exit code 1 when nothing is known of the video.")

        @OptionGroup var options: OperatorOptions

        func run() async throws {
            let video = try options.videos(1...1)[0]
            try await OperatorSession.run(options) { session in
                let events = try await session.operations.events(of: video)
                guard !events.isEmpty else {
                    StandardError.write("anb: nothing is known of the video \(video)")
                    throw OperatorExit.negative
                }
                try options.show(.array(events.map(\.json)), text: Self.text(events))
            }
        }

        private static func text(_ events: [VideoEvent]) -> String {
            var table = TextTable(["time", "event", "dispatch", "attempts", "node", "request", "cause"])
            for event in events {
                table.add([
                    event.at.rfc3339Milliseconds, event.kind.rawValue, "\(event.dispatch)", "\(event.attempts)",
                    event.node.map { String("\($0)".prefix(8)) } ?? "-", event.requestID ?? "-", event.cause ?? "",
                ])
            }
            return table.text
        }
    }
}

extension VideoEvent {
    fileprivate var json: JSONValue {
        .object([
            "at": .text(at.rfc3339Milliseconds), "event": .text(kind.rawValue), "cause": .optional(cause),
            "dispatch": .number(Double(dispatch)), "attempts": .number(Double(attempts)),
            "node": .optional(node.map { "\($0)" }), "request_id": .optional(requestID),
        ])
    }
}
