import FoundationEssentials
import Glibc
import Testing

extension Integration {
    /// `./anb test --soak`: `ANB_SOAK_MINUTES` (20) of load and faults, beside which one API node and one worker stay up
    /// and must not grow.
    @Suite("soak", .serialized, FaultStage()) struct Soak {
        /// What a process holds.
        private struct Sample: Sendable {
            var residentMegabytes = 0.0
            var descriptors = 0.0
            var threads = 0.0

            static let names = ["RSS MiB", "descriptors", "threads"]
            var values: [Double] { [residentMegabytes, descriptors, threads] }

            init(of pid: pid_t) {
                let status = String(decoding: Files.bytes("/proc/\(pid)/status") ?? [], as: UTF8.self)
                func number(_ name: String) -> Double {
                    let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
                    return line.flatMap { Double($0.filter(\.isNumber)) } ?? 0
                }
                residentMegabytes = number("VmRSS") / 1024
                threads = number("Threads")
                descriptors = Double(
                    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd"))?.count ?? 0)
            }
        }

        /// One of them each minute, in turn.
        private enum Fault: CaseIterable {
            case killWorker, rollWorker, rollAPI, killDatabase, closedOutput, killAPI, pauseWorker
        }

        @Test("memory, descriptors, threads, temporary files and connections are flat from a quarter of the time on")
        func flat() async throws {
            let minutes = getenv("ANB_SOAK_MINUTES").flatMap { Int(String(cString: $0)) } ?? 20
            let (shared, database) = (try Stage.current, try Faults.database)
            let cluster = try Faults.cluster
            let player = try await shared.api.signUp()
            let clip = try await Clips.shared().small
            for _ in 0..<6 { _ = try await shared.api.upload(clip, by: player) }
            let steady = try await cluster.start("worker", Faults.worker)
            var (worker, node) = (
                try await cluster.start("worker", Faults.worker), try await cluster.start("api", FaultStage.settings)
            )
            var rows: [[Double]] = []
            for minute in 0..<minutes {
                // Against the API node that stays.
                let load = try RunningProgram(
                    try Cluster.binary(),
                    [
                        "load", shared.api.origin, "--rate", "15", "--seconds", "50", "--accounts", "5", "--fail-above",
                        "1", "--json", "--mix", "rankings=40,list=30,vote=20,login=2,signup=1,upload=4",
                    ], in: cluster.folder, name: "load-\(minute)", isGuarded: true)
                let second = ContinuousClock.now + .seconds(60)
                try await Task.sleep(for: .seconds(15))
                try await Self.bring(Fault.allCases[minute % Fault.allCases.count], to: &worker, &node, cluster)
                _ = try await load.end(within: .seconds(90))
                #expect(load.ending == .exited(0), "\(load.output)\(load.errors)")
                try await Task.sleep(until: second, clock: .continuous)
                let (api, work) = (Sample(of: shared.pid), Sample(of: steady.pid))
                let connections = try await database.number(
                    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
                rows.append(api.values + work.values + [Double(cluster.temporaryFiles.count), Double(connections)])
                print(
                    "soak: minute \(minute + 1): \(rows[minute].map { "\(($0 * 10).rounded() / 10)" }.joined(separator: " "))"
                )
            }
            try await untilTrue("all is decided", within: .seconds(120)) {
                try await database.number("SELECT count(*) FROM videos WHERE state < 2") == 0
            }
            #expect(try await database.number("SELECT count(*) FROM videos WHERE state = 3") == 0)
            #expect(
                shared.program.ending == nil && steady.program.ending == nil, "a node that was left alone has ended")
            let names =
                Sample.names.map { "api \($0)" } + Sample.names.map { "worker \($0)" } + [
                    "temporary files", "connections",
                ]
            let (early, late) = (rows[(minutes / 4)..<(minutes / 2)], rows.suffix(max(1, minutes / 4)))
            for (column, name) in names.enumerated() {
                let before = early.map { $0[column] }.max() ?? 0
                let after = late.map { $0[column] }.max() ?? 0
                // A fifth, and what a moment's requests hold.
                #expect(after <= before * 1.2 + 8, "\(name): \(before) at most, then \(after)")
            }
        }

        private static func bring(
            _ fault: Fault, to worker: inout ClusterNode, _ node: inout ClusterNode, _ cluster: Cluster
        ) async throws {
            switch fault {
            case .killWorker, .rollWorker:
                worker.program.send(fault == .killWorker ? SIGKILL : SIGTERM)
                _ = try await worker.program.end(within: .seconds(50))
                worker = try await cluster.start("worker", Faults.worker)
            case .rollAPI, .killAPI:
                node.program.send(fault == .killAPI ? SIGKILL : SIGTERM)
                _ = try await node.program.end(within: .seconds(50))
                node = try await cluster.start("api", FaultStage.settings)
            case .killDatabase:
                if let server = ProcessTable.postmaster(of: cluster.dataFolder) { kill(server, SIGKILL) }
            case .closedOutput:
                await worker.program.stop(within: .seconds(50))
                worker = try await cluster.start(
                    "worker", Faults.worker, wrapper: ["/bin/sh", "-c", "exec \"$@\" >&-", "closed"])
            case .pauseWorker:
                worker.program.send(SIGSTOP)
                try await Task.sleep(for: .seconds(10))
                worker.program.send(SIGCONT)
            }
        }
    }
}
