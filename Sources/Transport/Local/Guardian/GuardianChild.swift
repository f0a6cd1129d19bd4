import Glibc

/// A program that the guardian runs and that must not outlive it.
///
/// setpriv(1) changes the user and arms the signal of the parent's death; a guardian that died just before
/// that is noticed by the shell, whose parent is then another process.
package struct GuardianChild {
    let account: ServerAccount
    let deathSignal: String
    /// Standard output and error.
    let log: CInt
    package var program = ""
    package var arguments: [String] = []
    package var inherited: [CInt] = []

    package init(account: ServerAccount, deathSignal: String, log: CInt) {
        self.account = account
        self.deathSignal = deathSignal
        self.log = log
    }

    package func start() throws -> pid_t {
        let candidates = ["/usr/bin/setpriv", "/bin/setpriv"]
        guard let setpriv = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw Refusal("setpriv is missing: apt-get install util-linux")
        }
        var command = ["--pdeathsig", deathSignal]
        if geteuid() == 0 {
            command += ["--reuid", "\(account.user)", "--regid", "\(account.group)", "--init-groups"]
        }
        command += ["/bin/sh", "-c", #"[ "$PPID" = "$0" ] && exec "$@""#, "\(getpid())", program] + arguments
        // Nothing of the operator's environment (PGDATA, PGPORT, LC_ALL, ...) may change the server.
        let environment = ["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/"]
        var spawn = Spawn(executable: setpriv, arguments: command, environment: environment, output: log)
        spawn.inherited = inherited
        return try spawn.start()
    }
}
