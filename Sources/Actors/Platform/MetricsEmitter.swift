import FoundationEssentials

/// What the process uses, read from the operating system.
package struct ResourceUsage: Sendable, Equatable {
    /// User and system time of the process since its start.
    package let cpu: Duration
    package let residentBytes: Int64

    package init(cpu: Duration, residentBytes: Int64) {
        self.cpu = cpu
        self.residentBytes = residentBytes
    }
}

package protocol ResourceMeter: Sendable {
    func usage() -> ResourceUsage
}

package enum MetricNamespace: String, Sendable {
    case backend = "ANB/Backend"
    case worker = "ANB/Worker"
}

/// Aggregates events and writes them as Embedded Metric Format, one JSON object a line.
///
/// Owns the samples of the running interval. Everyone tells it through its mailbox (events beyond the capacity are
/// dropped and counted as `DroppedEvents`, together with lines that the sink did not take); it talks to nobody but the
/// sink. Bounds: `maximumSamples` values an array and at most `maximumRoutes` routes; a full array is written at once.
/// A failing sink loses metrics, never a request.
package actor MetricsEmitter {
    package static let mailboxCapacity = 8192
    /// The specification's limit of values in one array.
    package static let maximumSamples = 100
    package static let maximumRoutes = 64
    /// After the last event that is there: whoever sends the next one need not wake the emitter each time.
    package static let rest: Duration = .milliseconds(20)

    package nonisolated let events: MetricMailbox
    private let namespaces: [MetricNamespace]
    private let interval: Duration
    private let sink: any MetricSink
    private let meter: any ResourceMeter
    private let clock: any NodeClock
    private let wallClock: any WallClock
    private var requests: [String: RequestSamples] = [:]
    /// For the life of the process: each name is a metric of its own to CloudWatch.
    private var routes: Set<String> = []
    private var tasks = TaskSamples()
    private var lastUsage: (at: MonotonicInstant, usage: ResourceUsage)?
    private var reportedDrops = 0

    private struct RequestSamples {
        var durations: [Double] = []
        var count = 0
        var clientErrors = 0
        var serverErrors = 0

        mutating func add(_ duration: Duration, status: Int) {
            durations.append(duration.milliseconds)
            count += 1
            if (400..<500).contains(status) { clientErrors += 1 }
            if status >= 500 { serverErrors += 1 }
        }
    }

    private struct TaskSamples {
        var durations: [Double] = []
        var count = 0
        var failures = 0
        var retries = 0
    }

    package init(
        namespaces: [MetricNamespace], interval: Duration, sink: any MetricSink, meter: any ResourceMeter,
        clock: any NodeClock, wallClock: any WallClock
    ) {
        self.events = MetricMailbox("metrics", capacity: Self.mailboxCapacity)
        self.namespaces = namespaces
        self.interval = interval
        self.sink = sink
        self.meter = meter
        self.clock = clock
        self.wallClock = wallClock
    }

    /// Returns when the mailbox is finished or the task is cancelled; what came before is written in both cases.
    package func run() async {
        lastUsage = (clock.now, meter.usage())
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    do { try await self.clock.wait(self.interval) } catch { return }
                    await self.flush()
                }
            }
            var taken = 0
            for await event in events.elements {
                record(event)
                taken += 1
                guard taken >= events.sent, !events.isFinished else { continue }
                // Cancelled or not, what is in the mailbox is taken: a drain's last tasks end just before it.
                try? await clock.wait(Self.rest)
            }
            group.cancelAll()
        }
        flush()
    }

    private func record(_ event: MetricEvent) {
        switch event {
        case .request(let route, let method, let status, let duration):
            let name = "\(method) \(route)"
            if routes.count < Self.maximumRoutes { routes.insert(name) }
            let key = routes.contains(name) ? name : "other"
            // In place: a copy would copy its samples, too.
            requests[key, default: RequestSamples()].add(duration, status: status)
            if let samples = requests[key], samples.count == Self.maximumSamples {
                writeRequests(route: key, samples)
                requests[key] = nil
            }
        case .taskFinished(let duration):
            tasks.durations.append(duration.milliseconds)
            tasks.count += 1
            if tasks.durations.count == Self.maximumSamples { writeTasks() }
        case .taskFailed:
            tasks.count += 1
            tasks.failures += 1
        case .taskRetried:
            tasks.retries += 1
        }
    }

    private func flush() {
        for route in requests.keys.sorted() {
            if let samples = requests[route] { writeRequests(route: route, samples) }
        }
        requests.removeAll(keepingCapacity: true)
        writeTasks()
        writeProcess()
    }

    private func writeRequests(route: String, _ samples: RequestSamples) {
        guard namespaces.contains(.backend) else { return }
        write(
            MetricLine(
                namespace: .backend, dimensions: [["Service"], ["Service", "Route"]],
                properties: ["Service": "backend", "Route": route],
                metrics: [
                    .init("RequestCount", .count, [Double(samples.count)]),
                    .init("RequestDuration", .milliseconds, samples.durations),
                    .init("ErrorCount", .count, [Double(samples.clientErrors + samples.serverErrors)]),
                    .init("ErrorCount4xx", .count, [Double(samples.clientErrors)]),
                    .init("ErrorCount5xx", .count, [Double(samples.serverErrors)]),
                ]))
    }

    private func writeTasks() {
        // An API node tells of videos that its Reconciler failed.
        guard tasks.count + tasks.failures + tasks.retries > 0 else {
            tasks = TaskSamples()
            return
        }
        var metrics: [MetricLine.Metric] = [
            .init("TaskCount", .count, [Double(tasks.count)]),
            .init("TaskFailure", .count, [Double(tasks.failures)]),
            .init("TaskRetry", .count, [Double(tasks.retries)]),
        ]
        if !tasks.durations.isEmpty { metrics.append(.init("TaskDuration", .milliseconds, tasks.durations)) }
        tasks = TaskSamples()
        write(
            MetricLine(
                namespace: .worker, dimensions: [["Service"]], properties: ["Service": "worker"], metrics: metrics))
    }

    private func writeProcess() {
        let now = clock.now
        let usage = meter.usage()
        defer { lastUsage = (now, usage) }
        guard let last = lastUsage else { return }
        let elapsed = last.at.duration(to: now).inSeconds
        guard elapsed > 0 else { return }
        let dropped = events.dropped + sink.dropped - reportedDrops
        reportedDrops += dropped
        for namespace in namespaces {
            write(
                MetricLine(
                    namespace: namespace, dimensions: [["Service"]],
                    properties: ["Service": namespace == .backend ? "backend" : "worker"],
                    metrics: [
                        .init("ProcessCPU", .percent, [100 * (usage.cpu - last.usage.cpu).inSeconds / elapsed]),
                        .init("ProcessMemoryMB", .megabytes, [Double(usage.residentBytes) / 1_000_000]),
                        .init("DroppedEvents", .count, [Double(dropped)]),
                    ]))
        }
    }

    private func write(_ line: MetricLine) { sink.write(line.json(at: wallClock.now)) }
}
