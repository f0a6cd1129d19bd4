import CLibPQ

/// How to reach the server and how much of it to use.
package struct PostgresConfiguration: Sendable {
    /// libpq's connection parameters (manual, chapter 34.1.2) in order; of a keyword given twice the last one counts.
    ///
    /// `host` may be a folder with the server's socket. A host name is resolved on the client's only thread, which
    /// stands still meanwhile: prefer a socket or `hostaddr` where the resolver is slow. A `dbname` that is a URL is
    /// expanded.
    package var parameters: [(keyword: String, value: String)]

    /// Connections at most, without the one for notifications. They are opened when needed.
    package var poolSize = 8

    /// For one attempt, from the first packet to the end of `sessionSettings`.
    package var connectTimeout: Duration = .seconds(5)

    /// For a statement without a deadline of its own, waiting for a connection included.
    package var statementDeadline: Duration = .seconds(10)

    /// Callers that wait for a connection at most; one more is refused with `PostgresError.overloaded`.
    package var maxWaiters = 1024

    /// How long a stopped statement may take to end on the server before its connection is given up.
    package var cancelGrace: Duration = .seconds(5)

    /// How long a caller waits for a connection while attempts to make one fail and no other answers: long enough for a
    /// server that restarts, short enough that callers are told of an outage, and do not pile up behind it.
    package var outagePatience: Duration = .seconds(3)

    /// Shown in `pg_stat_activity`.
    package var applicationName: String

    /// Run-time parameters set on every connection, for example `("plan_cache_mode", "force_generic_plan")`.
    package var sessionSettings: [(name: String, value: String)] = []

    package init(parameters: [(keyword: String, value: String)], applicationName: String = "anb") {
        self.parameters = parameters
        self.applicationName = applicationName
    }

    /// A configuration for `postgres://user:password@host:port/database?…`, checked by libpq.
    package static func parse(url: String) throws(InvalidPostgresURL) -> PostgresConfiguration {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else {
            throw InvalidPostgresURL(reason: "it begins neither with postgres:// nor with postgresql://")
        }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &message) else {
            defer { PQfreemem(message) }
            throw InvalidPostgresURL(reason: message.map { String(cString: $0) } ?? "out of memory")
        }
        defer { PQconninfoFree(options) }
        var configuration = PostgresConfiguration(parameters: [("dbname", url)])
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        let hosts = (values["host"] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        configuration.isOverNetwork = values["hostaddr"] != nil || hosts.contains { !$0.isEmpty && !$0.hasPrefix("/") }
        configuration.hasCredentials = values["password"] != nil || values["sslcert"] != nil
        let ports = (values["port"] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        if values["hostaddr"] == nil, hosts.count > 1, ports.count == 1 || ports.count == hosts.count {
            configuration.hosts = hosts.enumerated().map { index, host in
                (host: host, port: ports.count == 1 ? ports[0] : ports[index])
            }
            // Of several hosts one is the primary; a replica that has not yet taken over would refuse every write.
            if values["target_session_attrs"] == nil {
                configuration.parameters.append(("target_session_attrs", "read-write"))
            }
        }
        return configuration
    }

    /// Nothing but a URL says: whether a password has to come from elsewhere.
    package private(set) var isOverNetwork = false
    package private(set) var hasCredentials = false
    /// Of a URL that names several, in its order. Each attempt to connect begins with another one: libpq tries the next
    /// only when one refuses, and one that is silent would take the whole of `connectTimeout` each time.
    private(set) var hosts: [(host: String, port: String)] = []

    /// - Parameter attempt: from 0; which host is asked first.
    func connectionParameters(attempt: Int) -> [(keyword: String, value: String)] {
        guard !hosts.isEmpty else { return connectionParameters }
        let turned = hosts.indices.map { hosts[($0 + attempt) % hosts.count] }
        return connectionParameters + [
            ("host", turned.map(\.host).joined(separator: ",")), ("port", turned.map(\.port).joined(separator: ",")),
        ]
    }

    /// What libpq is given: defaults first, so that `parameters` may override them.
    ///
    /// The keep-alive and user time-out values let a partitioned connection end within about a minute instead of the
    /// kernel's two hours; sockets of the local machine ignore them.
    var connectionParameters: [(keyword: String, value: String)] {
        [
            ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ] + parameters + [("application_name", applicationName), ("client_encoding", "UTF8")]
    }

    /// One statement that makes all `sessionSettings`, nil without any.
    var sessionScript: String? {
        guard !sessionSettings.isEmpty else { return nil }
        let calls = sessionSettings.map { setting in
            "set_config(\(setting.name.postgresLiteral), \(setting.value.postgresLiteral), false)"
        }
        return "SELECT " + calls.joined(separator: ", ")
    }
}

package struct InvalidPostgresURL: Error, Equatable {
    /// libpq's words; they may quote the URL's parts.
    package let reason: String
}

extension String {
    /// A string constant (manual, chapter 4.1.2.1), right for any value of `standard_conforming_strings`.
    var postgresLiteral: String {
        var literal = contains("\\") ? " E'" : "'"
        for character in unicodeScalars {
            if character == "'" || character == "\\" { literal.unicodeScalars.append(character) }
            literal.unicodeScalars.append(character)
        }
        return literal + "'"
    }

    /// A quoted identifier (manual, chapter 4.1.1).
    var postgresIdentifier: String {
        var identifier = "\""
        for character in unicodeScalars {
            if character == "\"" { identifier.unicodeScalars.append(character) }
            identifier.unicodeScalars.append(character)
        }
        return identifier + "\""
    }
}
