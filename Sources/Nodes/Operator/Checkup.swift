import Actors
import FoundationEssentials
import Glibc
import Logging
import Transport

/// What `anb doctor` looks at, in the order in which a node would stumble.
struct Checkup: Sendable {
    /// Behind or ahead of the database by more: signed URLs and tokens would be judged wrongly.
    private static let maximumClockDifference = 5.0

    let configuration: NodeConfiguration

    func run() async -> [Check] {
        var checks = [Check("configuration", .ok, "valid; data folder \(configuration.dataDir)")]
        checks.append(dataFolder())
        checks.append(await mediaTools())
        checks.append(port())
        checks.append(descriptors())
        if configuration.text("database.url").isEmpty { checks.append(postgresPrograms()) }
        checks.append(tokenKeys())
        return checks + (await database()) + (await AWSCheckup(configuration: configuration).run())
    }

    private func dataFolder() -> Check {
        let path = configuration.dataDir
        do { _ = try DataFolder(path: path) } catch {
            return Check("data folder", .failed, "\(error)", advice: "choose another with dataDir=PATH")
        }
        var status = statvfs()
        guard statvfs(path, &status) == 0 else {
            return Check("data folder", .failed, "\(path): \(String(cString: strerror(errno)))")
        }
        let free = Int64(status.f_bavail) * Int64(status.f_frsize)
        let reserve = Int64(configuration.integer("http.spoolReserveBytes"))
        let finding = "\(free / 1_000_000) MB free in \(path)"
        let wanted = reserve + Int64(configuration.integer("contest.maxFileBytes"))
        guard free > reserve else {
            return Check(
                "data folder", .failed, finding,
                advice: "uploads are refused below http.spoolReserveBytes (\(reserve / 1_000_000) MB): make room")
        }
        return free > wanted
            ? Check("data folder", .ok, finding)
            : Check("data folder", .warning, finding, advice: "not room for one upload of the largest size")
    }

    /// Says how many, never which.
    private func tokenKeys() -> Check {
        do {
            let folder = try DataFolder(path: configuration.dataDir)
            let count = try TokenKeys.load(configuration, folder: folder).count
            return Check("token keys", .ok, configuration.isSelfContained ? "of the data folder" : "\(count)")
        } catch {
            return Check("token keys", .warning, "\(error)", advice: "a worker needs none, an API node does not start")
        }
    }

    private func mediaTools() async -> Check {
        var logger = Logger(label: "anb")
        logger.logLevel = .critical
        do throws(FFmpegToolsError) {
            let tools = try await FFmpegTools.find(FFmpegSettings(), logger: logger)
            let version = tools.version.prefix { $0 != "(" }.split(separator: " ").prefix(3).joined(separator: " ")
            let finding = "\(version); sandbox: \(tools.sandbox.summary)"
            switch tools.sandbox.form {
            case .bubblewrap: return Check("media tools", .ok, finding)
            case .namespace:
                return Check(
                    "media tools", .warning, finding,
                    advice: "bubblewrap is missing or forbidden here: a hostile clip's ffmpeg sees the disk")
            case .none:
                return Check(
                    "media tools", .warning, finding,
                    advice: "the kernel forbids namespaces: a hostile clip's ffmpeg could reach the network")
            }
        } catch {
            return Check("media tools", .failed, error.description)
        }
    }

    private func port() -> Check {
        let port = configuration.integer("http.port")
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: port)).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        if result == 0 { return Check("port", .ok, "\(port) is free") }
        if errno == EADDRINUSE {
            return Check(
                "port", .warning, "\(port) is in use",
                advice: "by a node that runs already, or choose another with port=NUMBER")
        }
        return Check(
            "port", .failed, "\(port): \(String(cString: strerror(errno)))",
            advice: "ports below 1024 need root: choose another with port=NUMBER")
    }

    private func descriptors() -> Check {
        let limit = DescriptorLimit.raise()
        let wanted = configuration.integer("http.maxConnections") + NodeRuntime.reservedDescriptors
        return limit >= wanted
            ? Check("descriptors", .ok, "\(limit)")
            : Check(
                "descriptors", .warning, "\(limit), for \(limit - NodeRuntime.reservedDescriptors) connections",
                advice: "raise the limit of open files (LimitNOFILE of the unit, ulimit -n) to \(wanted)")
    }

    private func postgresPrograms() -> Check {
        do {
            let installation = try PostgresInstallation.choose(existing: nil)
            return Check("PostgreSQL programs", .ok, "\(installation.major) in \(installation.binaries)")
        } catch {
            return Check("PostgreSQL programs", .failed, error.reason)
        }
    }

    /// The embedded server is started when no node runs: that it can be is what is asked.
    private func database() async -> [Check] {
        var logger = Logger(label: "anb")
        logger.logLevel = .critical
        let service: DatabaseService
        do {
            service = try await DatabaseService.start(
                configuration, folder: try DataFolder(path: configuration.dataDir), migrates: false, logger: logger)
        } catch {
            return [Check("database", .failed, "\(error)", advice: "its log is in \(configuration.dataDir)/log")]
        }
        defer { service.stop() }
        do {
            let operations = PostgresOperations(client: service.client)
            let server = try await operations.server()
            let letters = try await operations.deadLetters(limit: 1000).count
            let ownConnections = configuration.integer("database.poolSize") + DatabaseService.connectionsBesidePool
            let difference = Date().timeIntervalSince(server.time).magnitude
            return [
                Check("database", .ok, "PostgreSQL \(server.version), schema \(server.schema)"),
                Check(
                    "connections", server.maximumConnections > ownConnections ? .ok : .failed,
                    "\(server.connections) open, \(server.maximumConnections) at most, up to \(ownConnections) a node: room for \(server.maximumConnections / ownConnections) nodes",
                    advice: server.maximumConnections > 2 * ownConnections
                        ? nil : "lower database.poolSize, or raise max_connections"),
                difference <= Self.maximumClockDifference
                    ? Check("clock", .ok, "agrees with the database's")
                    : Check(
                        "clock", .failed, "\(Int(difference)) s away from the database's",
                        advice: "synchronise the clocks (chrony)"),
                server.losesCommits.isEmpty
                    ? Check("durability", .ok, "a commit that was answered stays")
                    : Check(
                        "durability", .failed, server.losesCommits.joined(separator: ", "),
                        advice: "a vote that was answered may be lost: set them on"),
                letters == 0
                    ? Check("dead letters", .ok, "none")
                    : Check("dead letters", .warning, "\(letters)", advice: "anb dlq list"),
            ]
        } catch {
            return [Check("database", .failed, "\(error)")]
        }
    }
}
