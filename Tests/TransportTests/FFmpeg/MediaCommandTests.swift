import Actors
import Foundation
import Glibc
import Synchronization
import Testing
import Transport

@Suite("a media command", .timeLimit(.minutes(1)))
struct MediaCommandTests {
    private func shell(
        _ script: String, in folder: Workspace? = nil, deadline: Duration = .seconds(30)
    ) async throws -> (MediaCommand, MediaLab) {
        let lab = try await MediaLab.get()
        let command = MediaCommand(
            executable: "/bin/sh", arguments: ["-c", script], limits: lab.tools.settings.probeLimits,
            files: VisibleFiles(writable: folder?.path), deadline: deadline)
        return (command, lab)
    }

    @Test("a process that outlives the leader is killed before the run returns")
    func orphans() async throws {
        let (command, lab) = try await shell("sleep 98765.25 >/dev/null 2>&1 & echo up")
        let (result, output) = try await command.collect(in: lab.tools.sandbox, limitBytes: 100)
        #expect(result.succeeded)
        #expect(output == Array("up\n".utf8))
        #expect(processes(naming: "98765.25").isEmpty)
    }

    @Test("a deadline kills the whole group, even where it ignores SIGTERM")
    func deadline() async throws {
        let (command, lab) = try await shell(
            "trap '' TERM; sleep 98765.5 & sleep 98765.5", deadline: .milliseconds(300))
        await #expect(throws: MediaCommandError.deadline) { _ = try await command.run(in: lab.tools.sandbox) }
        #expect(processes(naming: "98765.5").isEmpty)
    }

    @Test("cancellation kills the whole group")
    func cancellation() async throws {
        let (command, lab) = try await shell("trap '' TERM; sleep 98765.75 & echo up; sleep 98765.75")
        let (started, begin) = AsyncStream.makeStream(of: Void.self)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                await #expect(throws: MediaCommandError.cancelled) {
                    _ = try await command.run(in: lab.tools.sandbox) { _ in begin.yield() }
                }
            }
            for await _ in started { break }
            tasks.cancelAll()
        }
        #expect(processes(naming: "98765.75").isEmpty)
    }

    @Test("only the last 8 KiB of standard error are kept")
    func errorTail() async throws {
        let (command, lab) = try await shell(
            "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 3")
        let result = try await command.run(in: lab.tools.sandbox)
        #expect(result.ending == .exited(3))
        #expect(result.errorTail.utf8.count == 8192)
        #expect(result.errorTail.hasSuffix("line 2999\n"))
    }

    @Test("the limits, the closed input, the empty environment and the lost privileges hold")
    func confinement() async throws {
        let (command, lab) = try await shell(
            "ulimit -n; ulimit -t; cat | wc -c; env | grep -c '^HOME='; setpriv --dump | grep no_new_privs")
        let (_, output) = try await command.collect(in: lab.tools.sandbox, limitBytes: 1000)
        #expect(String(decoding: output, as: UTF8.self) == "64\n20\n0\n0\nno_new_privs: 1\n")
    }

    @Test("a file beyond the limit ends the process by a signal")
    func fileLimit() async throws {
        let folder = try MediaLab.folder()
        let (command, lab) = try await shell("exec head -c 2000000 /dev/zero > \(folder.path)/big", in: folder)
        // SIGXFSZ
        #expect(try await command.run(in: lab.tools.sandbox).ending == .killed(signal: 25))
    }

    @Test(
        "of the disk a tool sees its folder and its files, of the machine no process, no network and no user but its own"
    )
    func view() async throws {
        let folder = try MediaLab.folder()
        let other = try MediaLab.folder()
        try "secret".write(toFile: other.file("other").path, atomically: false, encoding: .utf8)
        try "clip".write(toFile: folder.file("clip").path, atomically: false, encoding: .utf8)
        let lab = try await MediaLab.get()
        guard lab.tools.sandbox.form == .bubblewrap else {
            Issue.record("bubblewrap does not work here: ./anb installs it")
            return
        }
        let script = """
            cat \(folder.path)/clip; echo; echo new >\(folder.path)/new && echo written
            (echo changed >\(folder.path)/clip) 2>/dev/null || echo kept
            cat \(other.path)/other /etc/passwd 2>/dev/null | wc -c
            ls /proc | wc -l; ls /sys/class/net 2>/dev/null | wc -l; ls \(other.path) 2>/dev/null | wc -l
            id -u
            """
        let command = MediaCommand(
            executable: "/bin/sh", arguments: ["-c", script], limits: lab.tools.settings.encodeLimits,
            files: VisibleFiles(readable: [folder.file("clip").path], writable: folder.path), deadline: .seconds(20))
        let (_, output) = try await command.collect(in: lab.tools.sandbox, limitBytes: 1000)
        let user = geteuid() == 0 ? 65534 : Int(geteuid())
        #expect(String(decoding: output, as: UTF8.self) == "clip\nwritten\nkept\n0\n0\n0\n0\n\(user)\n")
    }

    @Test("what keeps the sandbox from being made is the node's fault, not the clip's")
    func ownComplaint() async throws {
        let lab = try await MediaLab.get()
        let command = MediaCommand(
            executable: "/bin/true", arguments: [], limits: lab.tools.settings.probeLimits,
            files: VisibleFiles(readable: ["/nowhere/clip.mp4"]), deadline: .seconds(20))
        let error = await #expect(throws: MediaCommandError.self) { _ = try await command.run(in: lab.tools.sandbox) }
        guard case .unavailable(let words) = error else {
            Issue.record("another error")
            return
        }
        #expect(words.contains("/nowhere/clip.mp4"))
    }

    @Test("a link that a tool has left in the place of its output leads nowhere", arguments: ["link", "pipe"])
    func leftovers(kind: String) async throws {
        let folder = try MediaLab.folder()
        let secret = try MediaLab.folder().file("secret")
        try "secret".write(toFile: secret.path, atomically: false, encoding: .utf8)
        chmod(secret.path, 0o600)
        let left = folder.file("main.mp4").path
        if kind == "link" { symlink(secret.path, left) } else { mkfifo(left, 0o666) }
        let (_, lab) = try await shell("true")
        await #expect(throws: MediaProbeError.self) {
            _ = try await FFprobeMediaProbe(tools: lab.tools).report(LocalFile(left))
        }
        var status = stat()
        stat(secret.path, &status)
        #expect(status.st_mode & 0o777 == 0o600, "the link was followed")
    }

    @Test("a missing program is named with its package")
    func missing() async throws {
        var settings = FFmpegSettings()
        settings.ffmpegPath = "/nowhere/ffmpeg"
        await #expect(throws: FFmpegToolsError.unusable("/nowhere/ffmpeg is no program")) {
            _ = try await FFmpegTools.find(settings, logger: MediaLab.logger)
        }
        let error = FFmpegToolsError.missing(what: "ffmpeg", aptPackage: "ffmpeg")
        #expect("\(error)" == "ffmpeg is missing: apt-get install ffmpeg")
    }
}
