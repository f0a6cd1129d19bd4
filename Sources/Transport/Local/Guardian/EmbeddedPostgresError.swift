/// Why the private PostgreSQL cannot be used; the text tells the operator what to do.
package enum EmbeddedPostgresError: Error, Equatable, CustomStringConvertible {
    /// flock and PostgreSQL's own guards do not hold on it: choose a folder on a local disk.
    case networkFileSystem(path: String, kind: String)
    case folderUnusable(path: String, reason: String)
    /// A guardian that stops the server has kept the folder for longer than it ever should.
    case folderBusy(path: String, waited: Duration)
    /// The guardian's own reason why it does not start a server.
    case refused(reason: String)
    /// No connection was possible until the deadline.
    case notReady(log: String)
    case secretDamaged(path: String, expectedBytes: Int, foundBytes: Int)

    package var description: String {
        switch self {
        case .networkFileSystem(let path, let kind):
            "the data folder \(path) is on a network file system (\(kind)), where locks do not hold: "
                + "choose a folder on a local disk"
        case .folderUnusable(let path, let reason):
            "the data folder \(path) cannot be used: \(reason)"
        case .folderBusy(let path, let waited):
            "the data folder \(path) is still held by a stopping PostgreSQL after \(waited)"
        case .refused(let reason):
            "the private PostgreSQL does not start: \(reason)"
        case .notReady(let log):
            "the private PostgreSQL is not ready in time; see \(log)"
        case .secretDamaged(let path, let expected, let found):
            "the secret \(path) has \(found) bytes instead of \(expected): restore it from a backup, or remove it "
                + "to get a fresh one (what was signed with it becomes invalid)"
        }
    }
}
