import Glibc
import Logging

extension GuardianLoop {
    /// Ends the server and waits for the last of its processes.
    func stop(because reason: String) {
        logger.info("guardian \(getpid()) ends: \(reason)")
        switch phase {
        case .down: break
        case .creating(let creation): creation.abandon()
        case .up(let pid, _): stop(pid)
        }
        unlink(folder.refusalPath)
        awaitLastProcess()
        logger.info("guardian \(getpid()) has ended its server")
    }

    private func stop(_ pid: pid_t) {
        let begin = clock.now
        var escalation = StopEscalation()
        while ChildExit.poll(pid) == nil {
            if let signal = escalation.signal(at: clock.now - begin) { kill(pid, signal) }
            signals.pause(milliseconds: 20)
        }
    }

    private func awaitLastProcess() {
        do {
            let serverLock = try folder.lock(at: folder.serverLockPath)
            while try !serverLock.tryLock(.exclusive) {
                removeFormerServer()
                // A folder that was deleted has another lock file, or none, and no processes to wait for.
                signals.pause(milliseconds: 20)
            }
        } catch {
            logger.error("\(error)")
        }
    }
}
