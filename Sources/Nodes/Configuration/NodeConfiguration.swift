import Actors
import Configuration
import FoundationEssentials
import Logging

/// Where settings come from, first wins: argument, `ANB_` variable, the ecosystem's own variable, file, default.
package struct NodeConfiguration: Sendable {
    private let values: [String: SettingValue]
    /// The folder that relative paths start from.
    private let folder: String
    /// Where AWS's credentials are looked for, beside files and metadata services.
    package let environment: [String: String]

    /// - Parameters:
    ///   - arguments: `key=value` words; a key is a path (`http.port`), or its last part where that is unambiguous
    ///     (`port`).
    ///   - file: the bytes of `cluster.json`, with its path; nil without one.
    package init(
        arguments: [String: String], environment: [String: String], file: (path: String, bytes: [UInt8])?,
        folder: String
    ) throws(ConfigurationError) {
        self.folder = folder
        self.environment = environment
        let fileValues = try file.map { file throws(ConfigurationError) in
            try ConfigurationFile.values(of: file.bytes, named: file.path)
        }
        let argumentValues = try Self.resolve(arguments)
        let argumentReader = ConfigReader(provider: Self.provider("arguments", argumentValues))
        let environmentReader = ConfigReader(
            provider: EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "anb"))
        var values: [String: SettingValue] = [:]
        for setting in ConfigurationSchema.settings {
            let key = ConfigKey(setting.path)
            let ecosystem = setting.ecosystemNames.first { !(environment[$0] ?? "").isEmpty }
            let given: (source: String, text: String)? =
                argumentReader.string(forKey: key).map { ("argument \(setting.path)", $0) }
                ?? environmentReader.string(forKey: key).map { (setting.environmentName, $0) }
                ?? ecosystem.map { ($0, environment[$0] ?? "") }
            if let given {
                do {
                    values[setting.path] = try setting.checked(setting.parse(given.text))
                } catch {
                    throw ConfigurationError("\(given.source) \(error.text)")
                }
            } else {
                values[setting.path] = fileValues?[setting.path] ?? setting.fallback
            }
        }
        self.values = values
    }

    /// `ANB_` variables that no setting has.
    package static func unknownVariables(in environment: [String: String]) -> [String] {
        let known = Set(ConfigurationSchema.settings.map(\.environmentName))
        return environment.keys.filter { $0.hasPrefix("ANB_") && !known.contains($0) }.sorted()
    }

    private static func provider(_ name: String, _ texts: [String: String]) -> InMemoryProvider {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (path, text) in texts {
            values[AbsoluteConfigKey(path.split(separator: ".").map(String.init))] = ConfigValue(stringLiteral: text)
        }
        return InMemoryProvider(name: name, values: values)
    }

    private static func resolve(_ arguments: [String: String]) throws(ConfigurationError) -> [String: String] {
        var resolved: [String: String] = [:]
        for (name, text) in arguments.sorted(by: { $0.key < $1.key }) {
            let matches = ConfigurationSchema.settings.map(\.path).filter { path in
                path == name || path.hasSuffix("." + name)
            }
            guard let path = matches.contains(name) ? name : matches.first, matches.count == 1 || path == name else {
                let reason =
                    matches.isEmpty
                    ? "is not a known argument. Known: role, config, \(ConfigurationSchema.settings.map(\.path).joined(separator: ", "))"
                    : "is ambiguous: \(matches.joined(separator: ", "))"
                throw ConfigurationError("\(name) \(reason)")
            }
            if let setting = ConfigurationSchema.setting(path), setting.isSecret {
                throw ConfigurationError(
                    "argument \(path): other users of this machine can read arguments; set \(setting.environmentName), or write it into a file"
                )
            }
            resolved[path] = text
        }
        return resolved
    }

    // MARK: - Typed access

    package func integer(_ path: String) -> Int {
        guard case .integer(let number)? = values[path] else { preconditionFailure("\(path) is no integer setting") }
        return Int(number)
    }
    package func text(_ path: String) -> String {
        guard case .text(let text)? = values[path] else { preconditionFailure("\(path) is no text setting") }
        return text
    }
    package func flag(_ path: String) -> Bool {
        guard case .flag(let flag)? = values[path] else { preconditionFailure("\(path) is no flag setting") }
        return flag
    }
    package func list(_ path: String) -> [String] {
        guard case .list(let list)? = values[path] else { preconditionFailure("\(path) is no list setting") }
        return list
    }
    package func seconds(_ path: String) -> Duration { .seconds(integer(path)) }

    /// The organiser's own intro, outro and watermark; nil for the built-in ones.
    package var brandDir: String? {
        let path = text("worker.brandDir")
        return path.isEmpty ? nil : absolute(path)
    }

    package var dataDir: String { absolute(text("dataDir")) }

    /// Of a path from the configuration.
    package func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }

    /// Whether nothing but the data folder is used: secrets may be made there, no other machine has to know them.
    package var isSelfContained: Bool {
        text("database.url").isEmpty && text("storage.kind") == "local" && text("queue.kind") == "local"
    }

    package var logLevel: Logger.Level { Logger.Level(rawValue: text("log.level")) ?? .info }
    package var logFormat: LogFormat { LogFormat(rawValue: text("log.format")) ?? .auto }

    package var contest: ContestPolicy {
        ContestPolicy(
            maximumFileBytes: Int64(integer("contest.maxFileBytes")),
            minimumDuration: seconds("contest.minSeconds"), maximumDuration: seconds("contest.maxSeconds"),
            maximumPixels: integer("contest.maxPixels"), minimumLines: integer("contest.minLines"),
            maximumFrameRate: integer("contest.maxFrameRate"), maximumStreams: integer("contest.maxStreams"),
            maximumVideosPerPlayer: integer("contest.maxVideosPerPlayer"),
            allowSelfVote: flag("contest.allowSelfVote"), maximumWaitingVotes: integer("contest.maxWaitingVotes"))
    }

    package var worker: WorkerSettings {
        let slots = integer("worker.slots")
        return WorkerSettings(
            slots: slots > 0 ? slots : ProcessInfo.processInfo.activeProcessorCount,
            lease: seconds("queue.leaseSeconds"),
            pollWait: seconds("queue.pollSeconds"), attemptDeadline: seconds("worker.attemptDeadlineSeconds"),
            retryDelays: [seconds("worker.firstRetrySeconds"), seconds("worker.laterRetrySeconds")],
            drainGrace: seconds("drain.graceSeconds"))
    }

    package var api: APISettings {
        APISettings(
            contest: contest,
            reconciler: ReconcilerSettings(
                interval: seconds("reconciler.intervalSeconds"),
                redispatchAfter: seconds("reconciler.redispatchAfterSeconds"),
                orphanAge: seconds("reconciler.orphanAgeSeconds"),
                sweepInterval: seconds("reconciler.sweepSeconds")),
            maximumUploads: integer("http.maxUploads"),
            admission: AdmissionLimits(
                outboxAge: seconds("queue.maxOutboxSeconds"), unfinishedAge: seconds("queue.maxUnfinishedSeconds")),
            throttle: ThrottleLimits(
                accountFailures: integer("auth.accountFailures"), addressFailures: integer("auth.addressFailures"),
                window: seconds("auth.failureWindowSeconds"), addressSignUps: integer("auth.addressSignUps"),
                signUpWindow: seconds("auth.signUpWindowSeconds"),
                accountHashes: integer("auth.accountHashes"), addressHashes: integer("auth.addressHashes")))
    }
}
