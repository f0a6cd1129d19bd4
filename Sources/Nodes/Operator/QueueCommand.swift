import Actors
import ArgumentParser
import Transport

/// `anb queue`: how much waits, and for how long.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Print the queue's depth, what is in flight, and how long the oldest unfinished video has waited.")

    @OptionGroup var options: OperatorOptions

    func run() async throws {
        _ = try options.videos(0...0)
        try await OperatorSession.run(options) { session in
            let jobs = try await session.jobs.depth()
            let letters = try await session.deadLetters.depth()
            let backlog = try await session.videos.backlog()
            let oldest = backlog.oldestUnfinished?.inSeconds.rounded()
            let value: JSONValue = .object([
                "queue": .object([
                    "visible": .number(Double(jobs.visible)), "in_flight": .number(Double(jobs.inFlight)),
                    "delayed": .number(Double(jobs.delayed)),
                ]),
                "dead_letters": .number(Double(letters.visible + letters.inFlight + letters.delayed)),
                "outbox": .number(Double(backlog.outbox)),
                "videos": .object([
                    "waiting": .number(Double(backlog.waiting)), "in_work": .number(Double(backlog.inWork)),
                ]),
                "oldest_unfinished_seconds": oldest.map { .number($0) } ?? .null,
            ])
            try options.show(
                value,
                text: """
                    queue         \(jobs.visible) to be received, \(jobs.inFlight) in flight, \(jobs.delayed) delayed
                    dead letters  \(letters.visible + letters.inFlight + letters.delayed)
                    outbox        \(backlog.outbox) to be sent
                    videos        \(backlog.waiting) waiting, \(backlog.inWork) in work
                    oldest        \(oldest.map { "\(Int($0)) s since its upload or last claim" } ?? "nothing is unfinished")
                    """)
        }
    }
}
