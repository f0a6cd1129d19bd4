import Actors
import ArgumentParser
import Transport

/// `anb dlq`: videos that failed and whose message became a dead letter.
///
/// The database is asked, not the queue: a letter stands there exactly for a row that failed by own failures or lost
/// workers (delivery rule, I4), and only the row knows why.
struct DeadLetterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq", abstract: "Look at the dead letters, and send them anew.",
        subcommands: [List.self, Show.self, Redrive.self])

    /// Of one listing.
    private static let limit = 1000

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List failed videos with a dead letter, the latest first (at most 1,000).")

        @OptionGroup var options: OperatorOptions

        func run() async throws {
            _ = try options.videos(0...0)
            try await OperatorSession.run(options) { session in
                let letters = try await session.operations.deadLetters(limit: DeadLetterCommand.limit)
                var table = TextTable(["failed", "video", "reason", "attempts", "player", "title"])
                for letter in letters {
                    table.add([
                        letter.failedAt.rfc3339, "\(letter.video)", letter.code, "\(letter.attempts)", letter.owner,
                        letter.title,
                    ])
                }
                try options.show(
                    .array(letters.map(\.json)), text: letters.isEmpty ? "no dead letters" : table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show one dead letter.", discussion: "Exit code 1 when there is none.")

        @OptionGroup var options: OperatorOptions

        func run() async throws {
            let video = try options.videos(1...1)[0]
            try await OperatorSession.run(options) { session in
                guard let letter = try await session.operations.deadLetters(limit: 1, of: video).first else {
                    StandardError.write("anb: there is no dead letter of the video \(video)")
                    throw OperatorExit.negative
                }
                try options.show(
                    letter.json,
                    text: """
                        video     \(letter.video)
                        title     \(letter.title)
                        player    \(letter.owner)
                        failed    \(letter.failedAt.rfc3339)
                        reason    \(letter.code): \(letter.reason)
                        attempts  \(letter.attempts) failed, dispatch \(letter.dispatch), \(letter.claims) claims of it
                        more      anb video trace \(letter.video)
                        """)
            }
        }
    }

    struct Redrive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "redrive",
            abstract: "Give failed videos a new dispatch, with attempts counted from 0.",
            discussion: """
                Never redrive with the console of SQS: a letter that is sent back speaks of a failed row and is dropped.
                Exit code 1 when one of the videos has not failed.
                """)

        @Flag(help: "All that `anb dlq list` shows.") var all = false
        @OptionGroup var options: OperatorOptions

        func run() async throws {
            let named = try options.videos(all ? 0...0 : 1...DeadLetterCommand.limit)
            try await OperatorSession.run(options) { session in
                let ids = IdentifierSource(random: SystemRandomSource())
                let videos =
                    all
                    ? try await session.operations.deadLetters(limit: DeadLetterCommand.limit).map(\.video) : named
                var redriven: [VideoID] = []
                for video in videos
                where try await session.operations.redrive(video, newToken: ids.make(), node: session.id) {
                    redriven.append(video)
                }
                let left = videos.filter { !redriven.contains($0) }
                try options.show(
                    .object([
                        "redriven": .array(redriven.map { .text("\($0)") }),
                        "not_failed": .array(left.map { .text("\($0)") }),
                    ]),
                    text: (redriven.map { "\($0) dispatched anew" } + left.map { "\($0) has not failed" })
                        .joined(separator: "\n"))
                if !left.isEmpty { throw OperatorExit.negative }
            }
        }
    }
}

extension PostgresOperations.DeadLetter {
    fileprivate var json: JSONValue {
        .object([
            "video_id": .text("\(video)"), "title": .text(title), "player": .text(owner), "reason": .text(code),
            "message": .text(reason), "dispatch": .number(Double(dispatch)), "attempts": .number(Double(attempts)),
            "claims": .number(Double(claims)), "failed_at": .text(failedAt.rfc3339),
        ])
    }
}
