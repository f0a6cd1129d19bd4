import FoundationEssentials
import Glibc
import Logging

/// What a media tool may see of the disk beside the system's own programs.
package struct VisibleFiles: Sendable {
    /// Files and folders that may be read.
    package var readable: [String]
    /// The one folder that may be written.
    package var writable: String?

    package init(readable: [String] = [], writable: String? = nil) {
        self.readable = readable
        self.writable = writable
    }
}

/// How a media tool is started, so that a hostile clip can do little: no network, no new privileges, bounded resources,
/// and, with bubblewrap, nothing of the disk but its own files and no process but its own.
///
/// `setpriv --pdeathsig KILL` → `bwrap` or `unshare -n` → `setpriv --no-new-privs` → `prlimit` → the tool. All are
/// members of the process group that the first one leads; bubblewrap's own two processes end with the first.
///
/// **PR_SET_PDEATHSIG** fires when the *thread* that forked the child ends (prctl(2)). Subprocess forks on one worker
/// thread of its own, which it starts at the first spawn and joins in an `atexit` handler, never on the cooperative
/// pool: the signal therefore comes exactly when this process ends, `kill -9` included. The setting survives the
/// later `execve` calls, because none of these programs is set-uid or has file capabilities.
package struct MediaSandbox: Sendable {
    /// What keeps a tool to itself, the best first.
    package enum Form: String, Sendable, CaseIterable {
        /// Of bubblewrap: own mounts, processes, network and, for root, an own user.
        case bubblewrap
        /// A network namespace alone.
        case namespace
        /// The kernel allows neither.
        case none
    }

    package let form: Form
    /// The words of `bwrap` or `unshare` that are the same for every tool.
    private let fence: [String]
    private let setpriv: String
    private let prlimit: String

    /// Nobody's: owner of no file of a system, and no daemon of Debian's runs by it.
    private static let ownUser: uid_t = 65534
    /// Of all tools of that user or user namespace at once.
    private static let maximumProcesses = 512

    /// Whether tools run as a user of their own: root's tools do, inside bubblewrap.
    package var hasOwnUser: Bool { form == .bubblewrap && geteuid() == 0 }

    /// For logs and `anb doctor`.
    package var summary: String {
        switch form {
        case .bubblewrap: "bubblewrap: no network, own files only" + (hasOwnUser ? ", own user" : "")
        case .namespace: "no network"
        case .none: "none"
        }
    }

    /// Finds out once what the kernel allows.
    package static func make(among allowed: [Form] = Form.allCases, logger: Logger) async throws(FFmpegToolsError)
        -> Self
    {
        guard let setpriv = ExecutableSearch.find("setpriv"), let prlimit = ExecutableSearch.find("prlimit") else {
            throw .missing(what: "setpriv, prlimit", aptPackage: "util-linux")
        }
        var forms: [(Form, [String])] = []
        if let bwrap = ExecutableSearch.find("bwrap") { forms.append((.bubblewrap, [bwrap] + systemView)) }
        if let unshare = ExecutableSearch.find("unshare") {
            // A mapped root (-r) is what an ordinary user needs, and root without CAP_SYS_ADMIN (a container) too.
            if geteuid() == 0 { forms.append((.namespace, [unshare, "-n"])) }
            forms.append((.namespace, [unshare, "-rn"]))
        }
        forms.append((.none, []))
        for (form, fence) in forms where allowed.contains(form) {
            let sandbox = Self(form: form, fence: fence, setpriv: setpriv, prlimit: prlimit)
            guard try await sandbox.works() else { continue }
            switch form {
            case .bubblewrap: logger.info("media tools run confined", metadata: ["sandbox": "\(sandbox.summary)"])
            case .namespace:
                logger.notice(
                    "media tools run without network, but see the disk: bubblewrap is missing or forbidden here")
            case .none: logger.warning("the kernel forbids namespaces: media tools run with the network in reach")
            }
            return sandbox
        }
        throw .unusable("setpriv or prlimit does not work here")
    }

    /// The executable and its arguments for one command.
    func wrap(
        _ executable: String, _ arguments: [String], limits: ProcessLimits, files: VisibleFiles
    ) -> (String, [String]) {
        let words =
            [setpriv, "--pdeathsig", "KILL"] + fence
            + (form == .bubblewrap ? view(of: executable, files) + ["--"] : [])
            + [setpriv, "--no-new-privs"]
            + (hasOwnUser
                ? ["--reuid", "\(Self.ownUser)", "--regid", "\(Self.ownUser)", "--clear-groups", "--bounding-set=-all"]
                : [])
            + [
                prlimit, "--cpu=\(limits.cpuSeconds)", "--as=\(limits.addressSpaceBytes)",
                "--fsize=\(limits.fileBytes)", "--nofile=\(limits.openFiles)", "--core=0",
            ] + (form == .bubblewrap ? ["--nproc=\(Self.maximumProcesses)"] : []) + [executable] + arguments
        return (words[0], Array(words.dropFirst()))
    }

    /// Lets the tools' own user at the files. What leads to them stays closed to others.
    ///
    /// A link is not followed: what a tool has left may lead anywhere, and this process may be root.
    /// - Throws: `.unavailable` for what is neither a file nor a folder.
    func admit(_ files: VisibleFiles) throws(MediaCommandError) {
        for path in files.readable { try admit(path, 0o044, folders: 0o055, owner: nil) }
        if let folder = files.writable { try admit(folder, 0, folders: 0, owner: hasOwnUser ? Self.ownUser : nil) }
    }

    private func admit(_ path: String, _ bits: mode_t, folders: mode_t, owner: uid_t?) throws(MediaCommandError) {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unavailable("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR else { throw .unavailable("\(path) is no file") }
        guard hasOwnUser else { return }
        if let owner, status.st_uid != owner { fchown(descriptor, owner, owner) }
        let wanted = kind == S_IFDIR ? folders : bits
        if status.st_mode & wanted != wanted { fchmod(descriptor, (status.st_mode | wanted) & 0o7777) }
    }

    /// bubblewrap says as a shell does by which signal its tool ended.
    func ending(ofExit code: Int32) -> MediaCommandResult.Ending {
        form == .bubblewrap && (129...159).contains(code) ? .killed(signal: code - 128) : .exited(code)
    }

    /// Whether a sandbox's program speaks, not the tool in it.
    static func isOwnComplaint(_ words: String) -> Bool {
        ["bwrap: ", "setpriv: ", "prlimit: ", "unshare: "].contains(where: words.hasPrefix)
    }

    /// Of bubblewrap: the system's programs and libraries, empty folders for the rest.
    private static let systemView: [String] = {
        var words = [
            "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent",
        ]
        let programs = ["bin", "sbin", "lib", "lib64", "libexec", "share", "local/bin", "local/lib"].map {
            "/usr/\($0)"
        }
        words += folders(above: programs) + programs.flatMap { ["--ro-bind-try", $0, $0] }
        for folder in ["/bin", "/sbin", "/lib", "/lib64"] {
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: folder) {
                words += ["--symlink", target, folder]
            } else {
                words += ["--ro-bind-try", folder, folder]
            }
        }
        words += folders(above: ["/etc/alternatives"])
        for path in ["/etc/ld.so.cache", "/etc/alternatives"] { words += ["--ro-bind-try", path, path] }
        return words + ["--dev", "/dev", "--chdir", "/"]
    }()

    private func view(of executable: String, _ files: VisibleFiles) -> [String] {
        var readable = files.readable
        // Programs that an operator keeps elsewhere.
        if !["/usr/bin/", "/usr/local/bin/", "/bin/"].contains(where: executable.hasPrefix),
            let slash = executable.lastIndex(of: "/")
        {
            readable.append(String(executable[..<slash]))
        }
        readable.removeAll { $0.hasPrefix("/usr/share/") }
        return Self.folders(above: readable + (files.writable.map { [$0] } ?? []))
            + (files.writable.map { ["--bind", $0, $0] } ?? [])
            + readable.flatMap { ["--ro-bind", $0, $0] } + ["--remount-ro", "/", "--remount-ro", "/dev"]
    }

    /// Those that lead to the paths, from the outermost in. bubblewrap's own choice lets nobody but root through.
    private static func folders(above paths: [String]) -> [String] {
        var made: Set<String> = []
        var words: [String] = []
        for path in paths {
            for end in path.indices.dropFirst() where path[end] == "/" {
                let folder = String(path[..<end])
                if made.insert(folder).inserted { words += ["--perms", "0755", "--dir", folder] }
            }
        }
        return words
    }

    /// - Throws: when it cannot be told now; a loaded machine must not leave a node without its sandbox.
    private func works() async throws(FFmpegToolsError) -> Bool {
        let limits = ProcessLimits(
            cpuSeconds: 5, addressSpaceBytes: 1_000_000_000, fileBytes: 1000, openFiles: 16)
        let command = MediaCommand(executable: "/bin/true", arguments: [], limits: limits, deadline: .seconds(10))
        do throws(MediaCommandError) {
            return try await command.run(in: self).succeeded
        } catch {
            if case .unavailable = error { return false }
            throw .unusable("\(form): \(error)")
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
