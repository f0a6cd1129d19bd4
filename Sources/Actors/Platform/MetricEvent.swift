/// What actors tell the MetricsEmitter.
package enum MetricEvent: Sendable, Equatable {
    /// `route` is the template (`/api/videos/{id}`), never a raw path.
    case request(route: String, method: String, status: Int, duration: Duration)
    /// A clip was published `duration` after its worker claimed it.
    case taskFinished(duration: Duration)
    /// A clip ended as `failed`.
    case taskFailed
    /// An attempt failed or was handed back and will be made again.
    case taskRetried
}

/// The port to the metrics' output: one line a call, without its newline.
package protocol MetricSink: Sendable {
    func write(_ line: String)
    /// Lines that were not taken, since the start.
    var dropped: Int { get }
}

package typealias MetricMailbox = Mailbox<MetricEvent>
