import ArgumentParser
import FoundationEssentials
import Glibc
import Logging

/// `anb role=api port=8081 config=…`: runs one node until it is told to stop.
enum NodeCommand {
    static let defaultFile = "cluster.json"

    /// - Parameter benchmark: with `BenchmarkRoutes`.
    static func run(_ words: [String], benchmark: Bool = false) async -> Int32 {
        do {
            let (role, configuration) = try parse(words, environment: ProcessInfo.processInfo.environment)
            NodeLogHandler.bootstrap(level: configuration.logLevel, format: configuration.logFormat)
            let logger = Logger(label: "anb")
            for name in NodeConfiguration.unknownVariables(in: ProcessInfo.processInfo.environment) {
                logger.warning("unknown environment variable, ignored", metadata: ["name": "\(name)"])
            }
            try await NodeRuntime(role: role, configuration: configuration, logger: logger, isBenchmark: benchmark)
                .run()
            return 0
        } catch let error as ConfigurationError {
            StandardError.write("anb: \(error.description)")
            return 64
        } catch let error as NodeFailure {
            StandardError.write("anb: \(error.description)")
            return error.exitCode
        } catch {
            StandardError.write("anb: the node cannot start: \(error)")
            return 1
        }
    }

    /// - Throws: `ConfigurationError` or `NodeFailure`, with what would be right.
    static func parse(_ words: [String], environment: [String: String]) throws -> (NodeRole, NodeConfiguration) {
        var arguments = try Self.arguments(words)
        guard let name = arguments.removeValue(forKey: "role") else {
            throw NodeFailure.usage("role is missing: role=\(NodeRole.allCases.map(\.rawValue).joined(separator: "|"))")
        }
        guard let role = NodeRole(rawValue: name) else {
            throw NodeFailure.usage("role=\(name) is not a role. Valid: \(NodeRole.names)")
        }
        let configuration = try load(
            arguments: arguments, environment: environment, file: arguments.removeValue(forKey: "config"))
        return (role, configuration)
    }

    /// For commands other than nodes.
    /// - Parameter settings: words `key=value`.
    /// - Throws: `ExitCode` after a sentence that says what is wrong.
    static func loadOrExit(_ settings: [String] = [], file: String? = nil) throws -> NodeConfiguration {
        do {
            return try load(
                arguments: arguments(settings), environment: ProcessInfo.processInfo.environment, file: file)
        } catch let error as ConfigurationError {
            StandardError.write("anb: \(error.description)")
            throw ExitCode(64)
        } catch let error as NodeFailure {
            StandardError.write("anb: \(error.description)")
            throw ExitCode(error.exitCode)
        }
    }

    /// The words `key=value`.
    static func arguments(_ words: [String]) throws -> [String: String] {
        var arguments: [String: String] = [:]
        for word in words {
            guard let separator = word.firstIndex(of: "="), separator > word.startIndex else {
                throw NodeFailure.usage(
                    "\"\(word)\" is not of the form key=value. Example: anb role=api port=8081 config=cluster.json")
            }
            let key = String(word[..<separator])
            guard arguments.updateValue(String(word[word.index(after: separator)...]), forKey: key) == nil else {
                throw NodeFailure.usage("the argument \(key) is given twice")
            }
        }
        return arguments
    }

    /// - Parameter file: the path given by `config=`; nil: `cluster.json` of the working folder, if there is one.
    static func load(arguments: [String: String], environment: [String: String], file: String?) throws
        -> NodeConfiguration
    {
        var arguments = arguments
        arguments["config"] = nil
        let path = file ?? defaultFile
        let folder = try absoluteFolder(of: path)
        let bytes: [UInt8]?
        do {
            bytes = Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            guard file == nil, access(path, F_OK) != 0 else {
                throw ConfigurationError("the configuration file \(path) cannot be read: \(error.localizedDescription)")
            }
            bytes = nil
        }
        return try NodeConfiguration(
            arguments: arguments, environment: environment, file: bytes.map { (path: path, bytes: $0) },
            folder: folder)
    }

    private static func absoluteFolder(of path: String) throws -> String {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        guard let resolved = realpath(folder.isEmpty ? "/" : folder, nil) else {
            throw ConfigurationError("the folder of the configuration file, \(folder), does not exist")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
