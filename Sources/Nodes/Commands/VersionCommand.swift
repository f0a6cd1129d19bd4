import ArgumentParser
import CLibCurl
import CLibPQ
import FoundationEssentials
import Transport

/// The product's version; deploy/debian/version says the same.
enum Version {
    static let number = "0.9.0"
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version, and what it was built for.")

    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let postgres = PQlibVersion()
        let facts: [(name: String, value: String)] = [
            ("version", Version.number), ("schema", "\(PostgresMigrator.latest)"), ("architecture", Self.architecture),
            ("libpq", "\(postgres / 10_000).\(postgres % 10_000)"), ("libcurl", String(cString: curl_version())),
        ]
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            let members = facts.map {
                ($0.name, $0.name == "schema" ? JSONValue.number(Double($0.value) ?? 0) : .text($0.value))
            }
            print(
                String(
                    decoding: try encoder.encode(JSONValue.object(Dictionary(uniqueKeysWithValues: members))),
                    as: UTF8.self))
        } else {
            print(
                facts.map { $0.name == "version" ? "anb \($0.value)" : "\($0.name) \($0.value)" }.joined(
                    separator: "\n"))
        }
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            "other"
        #endif
    }
}
