import FoundationEssentials
import Glibc
import Testing

/// The cheap layer below the escape detectors: what no file of `Sources/Actors` may contain, because it would take time,
/// chance or threads from outside. A line ends with `// simulation: ` and a reason to be let through.
@Suite("Rules of simulable code")
struct LintTests {
    struct Rule: Sendable {
        let name: String
        /// One of these is in every text that breaks the rule; a search for them is cheap.
        let clues: [String]
        /// Swift's own word boundaries (UAX #29) see none in `Thread.sleep`, hence the simple kind.
        let isBroken: @Sendable (Substring) -> Bool
    }

    static let rules: [Rule] = [
        Rule(name: "no unstructured task", clues: ["Task"]) { line in
            line.contains(#/\bTask(<[^>]*>)?\s*(\([^)]*\))?\s*\{|\bTask\.(detached|immediate|init)\b/#.simple)
        },
        Rule(name: "no real time", clues: ["sleep", "Clock", "Date", "DispatchTime", "gettime"]) { line in
            line.contains(#/\bTask\.sleep\b|\b(usleep|nanosleep)\b|\bDate\(\)|\bDate\.now\b|\bDispatchTime\b/#.simple)
                || line.contains(#/\b(Continuous|Suspending)Clock\b|\bclock_gettime\b|\bgettimeofday\b/#.simple)
        },
        Rule(name: "no threads and no blocking waits", clues: ["Dispatch", "hread", "emaphore", "NSLock"]) { line in
            line.contains(#/\bDispatch(Queue|Semaphore|Group|Source|WorkItem)\b|\bimport Dispatch\b/#.simple)
                || line.contains(#/\bThread\b|\bpthread_\w+|\b[Ss]emaphore\b|\bNSLock\b/#.simple)
        },
        Rule(name: "no chance of its own", clues: ["Random", "random", "UUID", "shuffle", "hashValue"]) { line in
            line.contains(#/\bSystemRandomNumberGenerator\b|\bUUID\(\)|\barc4random\w*|\bgetrandom\b/#.simple)
                || line.contains(#/\.random\(|\.(shuffled|shuffle|randomElement)\(\)|\.hashValue\b/#.simple)
        },
        Rule(name: "no executor of its own", clues: ["@MainActor", "xecutor"]) { line in
            line.contains(#/@MainActor\b|\bunownedExecutor\b|\bexecutorPreference\b|\bTaskExecutor\b/#.simple)
                || line.contains(#/\bwithTaskExecutorPreference\b/#.simple)
        },
        Rule(
            name: "no stream operator that starts tasks",
            clues: ["AsyncAlgorithms", "Latest", "debounce", "merge(", "zip(", "buffer(", "share("]
        ) { line in
            line.contains(#/\bimport AsyncAlgorithms\b|\b(combineLatest|flatMapLatest)\(|\.debounce\(/#.simple)
                || line.contains(#/\bawait\b.*\b(merge|zip)\(|\.(buffer|share)\(/#.simple)
        },
        Rule(name: "no mutable static", clues: ["static var"]) { line in
            line.contains(#/\bstatic var \w+(\s*:[^={]*)?\s*=/#.simple)
        },
        Rule(name: "no Foundation beyond its essentials", clues: ["import Foundation"]) { line in
            line.contains(#/^\s*import Foundation\s*$/#.simple)
        },
    ]

    static func violations(in text: String) -> [String] {
        let suspects = rules.filter { rule in rule.clues.contains { text.contains($0) } }
        guard !suspects.isEmpty else { return [] }
        var found: [String] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.contains("// simulation: ") { continue }
            let code = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
            for rule in suspects where rule.clues.contains(where: { code.contains($0) }) && rule.isBroken(code) {
                found.append("\(number + 1): \(rule.name): \(code)")
            }
        }
        return found
    }

    @Test("no file of Actors breaks a rule")
    func actors() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let folder = "/\(root)/Sources/Actors"
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
        #expect(names.count > 20, "the folder of the actors was not found")
        for name in names.sorted() {
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            for violation in Self.violations(in: text) { Issue.record("\(name):\(violation)") }
        }
    }

    @Test(
        "each rule sees what it forbids",
        arguments: [
            "Task { await x() }", "Task<Void, Never> { }", "Task(priority: .high) { }", "Task.detached { }",
            "try await Task.sleep(for: .seconds(1))", "let clock = ContinuousClock()", "let now = Date()",
            "import Dispatch", "DispatchQueue.main.async {}", "let s = DispatchSemaphore(value: 0)", "Thread.sleep()",
            "var g = SystemRandomNumberGenerator()", "UUID()", "Int.random(in: 0..<3)", "x.hashValue",
            "@MainActor func f() {}", "for await x in merge(a, b) {}", "stream.debounce(for: .seconds(1))",
            "static var count = 0", "import Foundation",
        ])
    func forbidden(_ line: String) {
        #expect(!Self.violations(in: line).isEmpty)
        #expect(Self.violations(in: "\(line) // simulation: it runs before any node does").isEmpty)
    }

    @Test(
        "what only looks like it is let through",
        arguments: [
            "while !Task.isCancelled {", "group.addTask { await x() }", "await withTaskGroup(of: Void.self) { group in",
            "guard !Task.isCancelled else { return }", "import FoundationEssentials", "let x = dictionary.merging(y)",
            "static var text: String { \"x\" }", "/// Never `Task.sleep`.", "SimulatedClock(node)",
        ])
    func allowed(_ line: String) {
        #expect(Self.violations(in: line).isEmpty)
    }
}

extension Regex {
    fileprivate var simple: Regex { wordBoundaryKind(.simple) }
}
