import Glibc

/// The server's configuration files. The guardian writes them before each start, so that they follow the
/// program's version; settings of one's own belong into `ALTER SYSTEM` (`postgresql.auto.conf`), which wins.
package enum PostgresSettings {
    static let port = 5432
    static let maxConnections = 100

    static let configuration = """
        # Written at each start. Settings of your own: ALTER SYSTEM SET ...
        listen_addresses = ''
        port = \(port)
        unix_socket_directories = '.'
        unix_socket_permissions = 0700
        max_connections = \(maxConnections)
        shared_buffers = 32MB
        min_wal_size = 32MB
        max_wal_size = 128MB
        wal_level = minimal
        max_wal_senders = 0
        max_logical_replication_workers = 0
        fsync = on
        recovery_init_sync_method = syncfs
        jit = off
        deadlock_timeout = 200ms
        idle_in_transaction_session_timeout = 30s
        log_min_messages = warning
        log_line_prefix = '%m [%p] '
        log_timezone = 'UTC'
        timezone = 'UTC'
        lc_messages = 'C'
        logging_collector = off

        """

    /// The socket alone, and the kernel tells who asks.
    static let hostAccess = "local all all peer map=anb\n"

    /// Root, the server's own user and the folder's owner may act as the role `postgres`.
    package static func identities(users: [String]) -> String {
        var lines: [String] = []
        for user in ["root", "postgres"] + users {
            let line = "anb \"\(user)\" postgres\n"
            if !lines.contains(line) { lines.append(line) }
        }
        return lines.joined()
    }

    /// Writes what differs, each file in one step, and puts it on disk.
    static func write(into directory: String, account: ServerAccount, users: [String]) throws(SystemCallError) {
        let files = [
            ("postgresql.conf", configuration),
            ("pg_hba.conf", hostAccess),
            ("pg_ident.conf", identities(users: users)),
        ]
        var changed = false
        for (name, text) in files {
            let path = directory + "/" + name
            if try FileContents.text(path) == text { continue }
            try FileContents.replace(path, Array(text.utf8), owner: account)
            changed = true
        }
        if changed { try FileContents.syncDirectory(directory) }
    }
}
