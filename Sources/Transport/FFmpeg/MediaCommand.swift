import Glibc
import Subprocess
import Synchronization

/// One run of ffmpeg or ffprobe: words, never a shell, in a session of its own.
package struct MediaCommand: Sendable {
    private let executable: String
    private let arguments: [String]
    private let limits: ProcessLimits
    private let files: VisibleFiles
    private let deadline: Duration

    private static let errorTailBytes = 8192

    package init(
        executable: String, arguments: [String], limits: ProcessLimits, files: VisibleFiles = VisibleFiles(),
        deadline: Duration
    ) {
        self.executable = executable
        self.arguments = arguments
        self.limits = limits
        self.files = files
        self.deadline = deadline
    }

    /// Runs to the end. When this returns or throws, no process of the group lives.
    ///
    /// - Parameter onOutput: gets standard output as it comes, in order, from one task.
    /// - Throws: `.cancelled` and `.deadline` after the whole group was killed with SIGKILL.
    package func run(
        in sandbox: MediaSandbox, onOutput: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) async throws(MediaCommandError) -> MediaCommandResult {
        guard !Task.isCancelled else { throw .cancelled }
        let group = ProcessGroup()
        // The deadline is a cancellation of the run: Subprocess then kills the leader at once, whatever it does.
        typealias Outcome = Result<MediaCommandResult, MediaCommandError>?
        let first = await withTaskGroup(of: Outcome.self, returning: Outcome.self) { tasks in
            tasks.addTask { await self.spawn(in: sandbox, group: group, onOutput: onOutput) }
            tasks.addTask {
                // Ended early by the run's end or by this task's own cancellation, which is looked at below.
                try? await Task.sleep(for: deadline)
                return nil
            }
            let first = await tasks.next() ?? nil
            tasks.cancelAll()
            return first
        }
        // Subprocess waits for the leader only. A group without members is ESRCH; the number cannot belong to another
        // group yet, for the kernel hands out process ids in turn.
        group.end()
        guard !Task.isCancelled else { throw .cancelled }
        guard let first else { throw .deadline }
        return try first.get()
    }

    /// Runs to the end and returns standard output.
    /// - Throws: `.outputTooLong` beyond `limitBytes`.
    package func collect(in sandbox: MediaSandbox, limitBytes: Int) async throws(MediaCommandError)
        -> (result: MediaCommandResult, output: [UInt8])
    {
        let output = OutputBuffer(limitBytes: limitBytes)
        let result = try await run(in: sandbox) { output.append($0) }
        guard let bytes = output.bytes else { throw .outputTooLong }
        return (result, bytes)
    }

    private func spawn(
        in sandbox: MediaSandbox, group: ProcessGroup, onOutput: @escaping @Sendable ([UInt8]) -> Void
    ) async -> Result<MediaCommandResult, MediaCommandError> {
        do { try sandbox.admit(files) } catch { return .failure(error) }
        let (first, rest) = sandbox.wrap(executable, arguments, limits: limits, files: files)
        var options = PlatformOptions()
        options.createSession = true
        do {
            let record = try await Subprocess.run(
                .name(String(first.split(separator: "/").last ?? "")), arguments: .init(rest),
                environment: Self.environment,
                platformOptions: options, input: .none, output: .sequence, error: .sequence
            ) { execution in
                group.leader = execution.processIdentifier.value
                async let tail = Self.tail(of: execution.standardError)
                do {
                    for try await chunk in execution.standardOutput {
                        onOutput(chunk.withUnsafeBytes { Array($0) })
                    }
                } catch {
                    // The pipe is cut when the process is killed; its status tells the rest.
                }
                return await tail
            }
            let words = record.closureResult
            let ending: MediaCommandResult.Ending =
                switch record.terminationStatus {
                case .exited(let code): sandbox.ending(ofExit: code)
                case .signaled(let signal): .killed(signal: signal)
                }
            // Whatever it is that keeps the sandbox from being made, the clip is not to blame.
            if ending != .exited(0), MediaSandbox.isOwnComplaint(words) { return .failure(.unavailable(words)) }
            return .success(MediaCommandResult(ending: ending, errorTail: words))
        } catch {
            return .failure(.unavailable("\(error)"))
        }
    }

    private static func tail(of stream: SubprocessOutputSequence) async -> String {
        var tail = OutputTail(limitBytes: errorTailBytes)
        do {
            for try await chunk in stream { tail.append(chunk.withUnsafeBytes { Array($0) }) }
        } catch {
            // As above: what was read so far is what there is.
        }
        return tail.text
    }

    /// Nothing is inherited: passwords in this process's environment are none of a decoder's business.
    private static let environment: Environment = .custom([
        "PATH": ExecutableSearch.path,
        "LC_ALL": "C.UTF-8",
        "AV_LOG_FORCE_NOCOLOR": "1",
    ])
}

package struct MediaCommandResult: Sendable, Equatable {
    package enum Ending: Sendable, Equatable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    package let ending: Ending
    /// The last 8 KiB of standard error.
    package let errorTail: String

    package var succeeded: Bool { ending == .exited(0) }
}

package enum MediaCommandError: Error, Sendable, Equatable {
    case cancelled
    case deadline
    case outputTooLong
    /// It could not be started or waited for.
    case unavailable(String)
}

/// The group that a run leads, known as soon as it is started.
private final class ProcessGroup: Sendable {
    private let state = Mutex<pid_t>(0)

    var leader: pid_t {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    /// Kills all members and waits until the kernel has ended them: `kill` returns before they are dead.
    func end() {
        let leader = leader
        guard leader > 1 else { return }
        // As a rule the first call finds nobody, for ffmpeg starts no processes. The waits are bounded, because a dead
        // orphan stays a member until process 1 collects it, and block the thread, because `Task.sleep` would return
        // at once in a cancelled task.
        for pause in [0, 1, 2, 4, 8, 16, 32] {
            if pause > 0 { usleep(useconds_t(pause * 1000)) }
            guard Glibc.kill(-leader, SIGKILL) == 0 else { return }
        }
    }
}

/// Bytes up to a limit, filled from one task and read from another afterwards.
final class OutputBuffer: Sendable {
    private let limitBytes: Int
    private let state = Mutex<(bytes: [UInt8], overflow: Bool)>(([], false))

    init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    func append(_ chunk: [UInt8]) {
        state.withLock { state in
            if state.bytes.count + chunk.count > limitBytes {
                state.overflow = true
            } else {
                state.bytes += chunk
            }
        }
    }

    /// Nil when there were more than the limit.
    var bytes: [UInt8]? { state.withLock { $0.overflow ? nil : $0.bytes } }
}
