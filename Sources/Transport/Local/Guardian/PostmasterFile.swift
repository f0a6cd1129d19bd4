import Glibc

/// PostgreSQL's `postmaster.pid` (src/include/utils/pidfile.h): line 1 is the process id, line 8 the status.
package struct PostmasterFile: Equatable, Sendable {
    package let pid: pid_t?
    /// `starting`, `stopping`, `ready` or `standby`; nil before the server has written it.
    package let status: String?

    package init(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        pid = lines.first.flatMap { pid_t($0) }
        status = lines.count > 7 ? lines[7].split(separator: " ").first.map(String.init) : nil
    }

    /// Nil when there is no file or it cannot be read.
    package init?(directory: String) {
        guard let text = (try? FileContents.text(directory + "/postmaster.pid")) ?? nil else { return nil }
        self.init(text: text)
    }
}
