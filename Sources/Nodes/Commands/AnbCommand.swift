import ArgumentParser
import Glibc

/// The words of the command line; nodes start with `key=value` instead.
struct AnbCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anb",
        abstract: "ANB Rising Stars: players upload clips, workers transcode them, the public votes.",
        discussion: """
            Nodes:
              anb role=api|worker|all [port=8080] [config=cluster.json] [key=value …]
                                     run one node until SIGTERM; every key of docs/configuration.md may be given

            Of the launcher:
              ./anb test [--long]    build, and run every test; --long adds those that take minutes
              ./anb test --soak      20 minutes of load and faults: does a node grow?
              ./anb build            build only
              ./anb package [FOLDER] build the Debian package
              ./anb aws-local [--faults] [--moto] COMMAND…
                                     run a command beside SeaweedFS (S3), ministack (SQS) and PostgreSQL over TLS
            """,
        subcommands: [
            DemoCommand.self, DoctorCommand.self, QueueCommand.self, VideoCommand.self, AccountCommand.self,
            DeadLetterCommand.self, ProvisionCommand.self, BrandCommand.self, InspectCommand.self, LoadCommand.self,
            TranscodeCommand.self, TransferCommand.self, ClusterCommand.self, PlanCommand.self, BackupCommand.self,
            RestoreCommand.self,
            ConfigurationCommand.self, VersionCommand.self, ManualCommand.self,
        ])

    /// Parses and runs; ends the process with the command's exit code.
    static func run(_ words: [String]) async -> Never {
        do {
            var command = try parseAsRoot(words)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            if !text.isEmpty { if code == .success { print(text) } else { StandardError.write(text) } }
            ProcessEnd.exit(code.rawValue)
        }
        ProcessEnd.exit(EXIT_SUCCESS)
    }
}
