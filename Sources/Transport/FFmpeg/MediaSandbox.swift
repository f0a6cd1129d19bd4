import FoundationEssentials
import Glibc
import Logging

/// How a media tool is started, so that a hostile clip can do little: no network, no new privileges, bounded resources.
///
/// Each link replaces itself by the next (`execve`), so the whole chain is one process, and its id is the id of the
/// process group:
/// `unshare -n` → `setpriv --pdeathsig KILL --no-new-privs` → `prlimit` → the tool.
///
/// **PR_SET_PDEATHSIG** fires when the *thread* that forked the child ends (prctl(2)). Subprocess forks on one worker
/// thread of its own, which it starts at the first spawn and joins in an `atexit` handler, never on the cooperative
/// pool: the signal therefore comes exactly when this process ends, `kill -9` included. The setting survives the
/// later `execve` calls, because none of these programs is set-uid or has file capabilities.
package struct MediaSandbox: Sendable {
    /// The words before `setpriv`; empty where the kernel forbids a network namespace.
    let network: [String]
    /// Whether tools run in a network namespace of their own.
    package var hasNoNetwork: Bool { !network.isEmpty }
    private let setpriv: String
    private let prlimit: String

    /// Finds out once what the kernel allows.
    static func make(logger: Logger) async throws(FFmpegToolsError) -> Self {
        guard let setpriv = ExecutableSearch.find("setpriv"), let prlimit = ExecutableSearch.find("prlimit") else {
            throw .missing(what: "setpriv, prlimit", aptPackage: "util-linux")
        }
        let withNetwork = Self(network: [], setpriv: setpriv, prlimit: prlimit)
        guard let unshare = ExecutableSearch.find("unshare") else {
            throw .missing(what: "unshare", aptPackage: "util-linux")
        }
        // A mapped root (-r) is what an ordinary user needs, and root without CAP_SYS_ADMIN (a container) too.
        let forms = geteuid() == 0 ? [[unshare, "-n"], [unshare, "-rn"]] : [[unshare, "-rn"]]
        for form in forms {
            let sandbox = Self(network: form, setpriv: setpriv, prlimit: prlimit)
            if await sandbox.works() { return sandbox }
        }
        guard await withNetwork.works() else {
            throw .unusable("setpriv or prlimit does not work here")
        }
        logger.warning("the kernel forbids network namespaces: media tools run with the network in reach")
        return withNetwork
    }

    /// The executable and its arguments for one command.
    func wrap(_ executable: String, _ arguments: [String], limits: ProcessLimits) -> (String, [String]) {
        let words =
            network + [
                setpriv, "--pdeathsig", "KILL", "--no-new-privs",
                prlimit, "--cpu=\(limits.cpuSeconds)", "--as=\(limits.addressSpaceBytes)",
                "--fsize=\(limits.fileBytes)", "--nofile=\(limits.openFiles)", "--core=0",
                executable,
            ] + arguments
        return (words[0], Array(words.dropFirst()))
    }

    private func works() async -> Bool {
        let limits = ProcessLimits(
            cpuSeconds: 5, addressSpaceBytes: 1_000_000_000, fileBytes: 1000, openFiles: 16)
        let command = MediaCommand(executable: "/bin/true", arguments: [], limits: limits, deadline: .seconds(10))
        do {
            return try await command.run(in: self).succeeded
        } catch {
            return false
        }
    }
}

enum ExecutableSearch {
    static let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"

    /// The absolute path of a program in `PATH`.
    static func find(_ name: String) -> String? {
        for folder in path.split(separator: ":") where folder.hasPrefix("/") {
            let candidate = "\(folder)/\(name)"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }
}
