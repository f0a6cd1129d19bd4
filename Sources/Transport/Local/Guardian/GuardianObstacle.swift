/// What keeps this node from getting a server, as the guardian has left it in the folder.
enum GuardianObstacle {
    /// Nil when nothing is known to be in the way.
    static func current(in folder: DataFolder) -> String? {
        if let line = (try? FileContents.text(folder.guardianLockPath)) ?? nil,
            let number = line.split(separator: " ").first.flatMap({ Int($0) }), number != Guardian.protocolNumber
        {
            return "nodes of another version (protocol \(number), this one has \(Guardian.protocolNumber)) "
                + "use the folder: stop them first"
        }
        return (try? FileContents.text(folder.refusalPath)) ?? nil
    }
}
