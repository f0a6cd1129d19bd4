/// What actors tell the MetricsEmitter.
package enum MetricEvent: Sendable, Equatable {
    /// `route` is the template (`/api/videos/{id}`), never a raw path.
    case request(route: String, method: String, status: Int, duration: Duration)
    case taskFinished(duration: Duration)
    case taskFailed
    case taskRetried
    /// CPU in percent of one core, resident memory in megabytes.
    case process(cpuPercent: Double, memoryMB: Double)
}

/// The port to the metrics' output: one line a call, without its newline.
package protocol MetricSink: Sendable {
    func write(_ line: String)
}

package typealias MetricMailbox = Mailbox<MetricEvent>
