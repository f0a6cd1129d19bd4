import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// One node as a child process, with its output in files.
package struct NodeProcess: Sendable {
    let executable: String
    let arguments: [String]
    let log: String
    let metrics: String
    /// How long it may take to drain; then it is killed.
    let drainLimit: Duration

    /// Runs until the process ends by itself, or until cancelled, which drains it.
    /// - Parameter started: told the process's id.
    /// - Returns: how it ended, for a person.
    func run(started: @escaping @Sendable (pid_t) async -> Void = { _ in }) async throws -> String {
        let output = try Self.open(metrics)
        let error = try Self.open(log)
        var options = PlatformOptions()
        // Ctrl-C reaches the parent, which drains its nodes in order.
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: drainLimit)]
        let result = try await Subprocess.run(
            .path(FilePath(executable)), arguments: Arguments(arguments), platformOptions: options, input: .none,
            output: .fileDescriptor(output, closeAfterSpawningProcess: true),
            error: .fileDescriptor(error, closeAfterSpawningProcess: true)
        ) { execution in
            await started(pid_t(execution.processIdentifier.value))
        }
        return "\(result.terminationStatus)"
    }

    private static func open(_ path: String) throws -> FileDescriptor {
        try FileDescriptor.open(
            FilePath(path), .writeOnly, options: [.create, .append],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }

    /// A port of the loopback that was free a moment ago.
    package static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 && getsockname(descriptor, raw, &length) == 0
            }
        }
        guard bound else { throw DemoFailure("no free port on 127.0.0.1") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
