import Actors
import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import Transport

/// `anb doctor`: whether this machine can run a node, and what to do where it cannot.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check what a node needs on this machine.",
        discussion: "Exit code 0 when nothing failed (warnings are no failures), 1 otherwise.")

    @OptionGroup var options: OperatorOptions

    func run() async throws {
        _ = try options.videos(0...0)
        let checks = await Checkup(configuration: try options.configuration()).run()
        var table = TextTable(["", "check", "finding"])
        for check in checks {
            table.add([check.verdict.rawValue, check.name, check.finding + (check.advice.map { " — \($0)" } ?? "")])
        }
        try options.show(.array(checks.map(\.json)), text: table.text)
        if checks.contains(where: { $0.verdict == .failed }) { throw OperatorExit.negative }
    }
}

/// One look at one thing.
struct Check: Sendable {
    enum Verdict: String {
        case ok
        case warning = "warn"
        case failed = "FAIL"
    }

    let name: String
    let verdict: Verdict
    let finding: String
    /// What to do.
    let advice: String?

    init(_ name: String, _ verdict: Verdict, _ finding: String, advice: String? = nil) {
        self.name = name
        self.verdict = verdict
        self.finding = finding
        self.advice = advice
    }

    var json: JSONValue {
        .object([
            "check": .text(name), "verdict": .text(verdict.rawValue.lowercased()), "finding": .text(finding),
            "advice": .optional(advice),
        ])
    }
}
