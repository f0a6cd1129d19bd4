import ArgumentParser
import Glibc
import Transport

// The guardian of an embedded database must have the process to itself: no other thread, no signal handler. It comes
// before everything else.
if CommandLine.arguments.dropFirst().first == GuardianCommand.word {
    exit(GuardianCommand.run(Array(CommandLine.arguments.dropFirst(2))))
}

let words = Array(CommandLine.arguments.dropFirst())
if let first = words.first, first.contains("="), !first.hasPrefix("-") {
    ProcessEnd.exit(await NodeCommand.run(words))
}
if words.first == "benchmark" {
    ProcessEnd.exit(await NodeCommand.run(Array(words.dropFirst()), benchmark: true))
}
await AnbCommand.run(words)
