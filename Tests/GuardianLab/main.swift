// Stands for the product in the tests of the embedded database.
import Glibc
import Logging
import Transport

/// `guardian FOLDER DESCRIPTOR` runs the guardian; `node FOLDER` joins, says `ready`, and stays until SIGTERM.
func fail(_ message: String) -> Never {
    let line = Array((message + "\n").utf8)
    write(2, line, line.count)
    exit(64)
}

let words = CommandLine.arguments
guard words.count >= 3 else { fail("usage: guardian FOLDER DESCRIPTOR | node FOLDER") }

switch words[1] {
case "guardian":
    guard words.count == 4, let descriptor = CInt(words[3]) else { fail("usage: guardian FOLDER DESCRIPTOR") }
    do {
        exit(Guardian.run(folder: try DataFolder(path: words[2]), lockDescriptor: descriptor))
    } catch {
        fail("\(error)")
    }
case "node":
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    do {
        let postgres = EmbeddedPostgres(
            folder: try DataFolder(path: words[2]),
            executable: try realPath("/proc/self/exe"),
            arguments: ["guardian"],
            logger: Logger(label: "node")
        )
        try postgres.join()
        try await postgres.waitUntilReady(deadline: .now + .seconds(20))
        print("ready")
        fflush(nil)
        var signal: CInt = 0
        sigwait(&signals, &signal)
        postgres.leave()
        exit(0)
    } catch {
        fail("\(error)")
    }
default:
    fail("unknown command \(words[1])")
}

func realPath(_ path: String) throws -> String {
    guard let resolved = realpath(path, nil) else { fail("no \(path)") }
    defer { free(resolved) }
    return String(cString: resolved)
}
