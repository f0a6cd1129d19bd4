import Actors
import FoundationEssentials
import Glibc
import Transport

/// Counters of a group of API nodes at one moment; the difference of two is its load.
struct ClusterUsage: Sendable {
    private static let limit: Duration = .seconds(5)

    private let at: ContinuousClock.Instant
    /// That the balancer has seen; nil when it does not answer.
    private let requests: Int?
    /// Seconds, by process.
    private let cpu: [pid_t: Double]
    private let minute: Duration

    /// - Parameter minute: what the policy takes for one.
    init(of processes: [pid_t], balancer: Balancer, client: HTTPClient, minute: Duration) async {
        let answer = try? await client.send(
            HTTPClientRequest(url: "http://127.0.0.1:\(balancer.statusPort)/requests"), deadline: Self.limit,
            maxBodyBytes: 65536)
        // "server accepts handled requests", and the three numbers in the line below.
        let lines = String(decoding: answer?.body ?? [], as: UTF8.self).split(separator: "\n")
        requests = lines.count > 2 ? lines[2].split(separator: " ").last.flatMap { Int($0) } : nil
        cpu = processes.reduce(into: [:]) { $0[$1] = Self.processorSeconds($1) }
        at = .now
        self.minute = minute
    }

    /// Nil when the balancer did not answer, or was started anew.
    func load(since last: ClusterUsage) -> ScalingPolicy.Load? {
        guard let requests, let before = last.requests, requests >= before else { return nil }
        let seconds = (at - last.at).inSeconds
        let used = cpu.compactMap { process, used in last.cpu[process].map { used - $0 } }
        let percent = used.isEmpty ? 0 : used.reduce(0, +) / Double(used.count) / seconds * 100
        return ScalingPolicy.Load(
            requestsAMinute: Double(requests - before) / (seconds / minute.inSeconds), cpuPercent: percent)
    }

    private static func processorSeconds(_ process: pid_t) -> Double? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

extension ScalingPolicy.Load {
    var text: String {
        "\(Int(requestsAMinute.rounded())) requests a minute, \(Int(cpuPercent.rounded())) % CPU"
    }
}
