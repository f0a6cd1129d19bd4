import ArgumentParser
import Glibc

struct MutantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants",
        abstract: "Plant each mistake of Tests/Mutants in a scratch copy, and find the first seed that sees it.",
        discussion: """
            Run it in the project's folder. A mutant that no seed finds means that an invariant is missing: exit code 1.
            """)

    @Option(help: "Only those whose name contains this.") var only = ""
    @Option(help: "A sample of this many, another one each day.") var sample: Int?
    @Option(help: "Seeds to try for each.") var seeds: UInt64 = 5000
    @Option(help: "Seeds at once.") var jobs = 2
    @Option(help: "Where copy and builds are kept.") var scratch = ".build/mutants"
    @Option(help: "Keep the shrunk tape of each find in this folder.") var tapes: String?

    func run() async throws {
        let workshop = try Workshop(scratch: scratch)
        var names = try workshop.names().filter { only.isEmpty || $0.contains(only) }
        if let sample, sample < names.count {
            let day = time(nil) / 86400
            names = (0..<sample).map { names[(day * sample + $0) % names.count] }.sorted()
        }
        guard !names.isEmpty else { throw ValidationError("no mutant's name contains \"\(only)\"") }
        var missed: [String] = []
        for name in names {
            let verdict = try workshop.judge(name, seeds: seeds, jobs: jobs, tapes: tapes)
            writeAll("\(name): \(verdict.text)\n", to: STDOUT_FILENO)
            if !verdict.isFound { missed.append(name) }
        }
        writeAll("\(names.count) mutants, \(names.count - missed.count) found\n", to: STDOUT_FILENO)
        if !missed.isEmpty { throw ExitCode.failure }
    }
}

/// A copy of what the simulation is built from, with a manifest of its own, where mutants are planted one by one.
private struct Workshop {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    struct Verdict {
        let isFound: Bool
        let text: String
    }

    private let folder: String

    init(scratch: String) throws {
        folder = scratch
        let made = try run("mkdir -p \"$1\" && cp Tests/Mutants/Package.swift.in \"$1/Package.swift\"", folder)
        guard made.status == 0 else {
            throw Failed(description: "\(made.text)\nRun it in the project's folder, which has Tests/Mutants.")
        }
    }

    func names() throws -> [String] {
        try run("cd Tests/Mutants && ls").text.split(separator: "\n").filter { $0.hasSuffix(".patch") }
            .map { String($0.dropLast(6)) }
    }

    /// Only what differs is written, so that builds are incremental.
    private static let copy = """
        set -e
        for part in Sources/Actors Tests/Simulation Tests/Simulate; do
            (cd "$1" && mkdir -p $part && find $part -name '*.swift') | while read -r file; do
                [ -e "$file" ] || rm "$1/$file"
            done
            find $part -name '*.swift' | while read -r file; do
                cmp -s "$file" "$1/$file" || { mkdir -p "$1/${file%/*}" && cp "$file" "$1/$file"; }
            done
        done
        patch="$PWD/Tests/Mutants/$2.patch"
        # Not the repository around the scratch folder: it would take the paths for its own.
        cd "$1" && GIT_CEILING_DIRECTORIES="$(dirname "$PWD")" git apply "$patch"
        """

    func judge(_ name: String, seeds: UInt64, jobs: Int, tapes: String?) throws -> Verdict {
        let planted = try run(Self.copy, folder, name)
        guard planted.status == 0 else { throw Failed(description: "\(name) cannot be planted: \(planted.text)") }
        let built = try run("cd \"$1\" && swift build -c release --product simulate", folder)
        guard built.status == 0 else {
            throw Failed(description: "\(name) does not compile: \(built.text.suffix(2000))")
        }
        let tried = try run(
            "\"$1/.build/release/simulate\" --seeds \"0..<$2\" --jobs \"$3\" --until-failure", folder, "\(seeds)",
            "\(jobs)")
        let first = tried.text.split(separator: "\n").first { $0.hasPrefix("seed ") }
        switch (tried.status, first) {
        case (0, _): return Verdict(isFound: false, text: "NOT FOUND by \(seeds) seeds")
        case (1, .some(let line)):
            if let tapes, let seed = line.dropFirst(5).split(separator: ":").first {
                _ = try run(
                    "\"$1/.build/release/simulate\" shrink --seed \"$2\" --keep \"$3/$4.tape\"", folder, "\(seed)",
                    tapes,
                    name)
            }
            return Verdict(isFound: true, text: "\(line)")
        // A precondition of the actors saw it.
        default: return Verdict(isFound: true, text: "the process died: \(tried.text.suffix(300))")
        }
    }

    /// - Returns: the exit status, 128 and more for a signal, and what was written to either stream.
    private func run(_ script: String, _ words: String...) throws -> (status: Int32, text: String) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failed(description: "no pipe: \(String(cString: strerror(errno)))") }
        defer { close(ends[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        posix_spawn_file_actions_addclose(&actions, ends[1])
        let arguments = (["/bin/sh", "-c", script, "mutants"] + words).map { strdup($0) } + [nil]
        defer { for pointer in arguments { free(pointer) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, "/bin/sh", &actions, nil, arguments, environ)
        close(ends[1])
        guard code == 0 else { throw Failed(description: "no shell: \(String(cString: strerror(code)))") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count > 0 { bytes += buffer[..<count] } else if count == 0 || errno != EINTR { break }
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return (
            status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F, String(decoding: bytes, as: UTF8.self)
        )
    }
}
