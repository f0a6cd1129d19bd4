import Glibc

/// A folder for `PATH` with an ffmpeg that is strange at one step of a transcode and the real one otherwise.
struct StrangeFFmpeg: Sendable {
    enum Trait: Sendable {
        /// The encode begins only when the gate is opened.
        case waitsAtTheGate
        /// The encode never ends, whatever it is asked.
        case hangs
        /// The encode ends with 0 after its first second.
        case cutsTheEncode
        /// Joining intro, clip and outro ends with 0 after its first second.
        case cutsTheJoin
    }

    /// The one of the suite's node.
    @TaskLocal static var shared: StrangeFFmpeg?

    private let folder: String
    private let gate: String

    var environment: [String: String] { ["PATH": "\(folder):\(Self.searchPath)"] }

    /// The gate is shut at first.
    init(_ trait: Trait, in cluster: Cluster) throws {
        folder = "\(cluster.folder)/tools-\(UInt32.random(in: .min ... .max))"
        gate = "\(folder)/gate"
        guard mkdir(folder, 0o755) == 0 else { throw RunningProgram.Failed(description: "\(folder): errno \(errno)") }
        try Files.write([], to: gate)
        let real = Self.searchPath.split(separator: ":").map { String($0) + "/ffmpeg" }.first { access($0, X_OK) == 0 }
        guard let real else { throw RunningProgram.Failed(description: "no ffmpeg on PATH") }
        let encode = #"*" -progress "*" -filter_complex "*"#
        let join = #"*" -f concat "*"#
        let (step, deed): (String, String) =
            switch trait {
            case .waitsAtTheGate: (encode, "while [ -e '\(gate)' ]; do sleep 0.05; done")
            case .hangs: (encode, "trap '' TERM INT HUP; while :; do sleep 1; done")
            case .cutsTheEncode: (encode, "last=; for word; do shift; \(Self.shorten); done")
            // Before the first input it limits that.
            case .cutsTheJoin: (join, "set -- -t 1 \"$@\"")
            }
        let script = """
            #!/bin/sh
            case " $* " in
            \(step)) \(deed) ;;
            esac
            exec '\(real)' "$@"

            """
        try Files.write(Array(script.utf8), to: "\(folder)/ffmpeg")
        chmod("\(folder)/ffmpeg", 0o755)
    }

    /// Copies the words, with `-t 1` in place of what the clip may last.
    private static let shorten = "[ \"$last\" = -t ] && word=1; last=$word; set -- \"$@\" \"$word\""

    func open() { unlink(gate) }

    func shut() throws { try Files.write([], to: gate) }

    private static var searchPath: String {
        getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    }
}
