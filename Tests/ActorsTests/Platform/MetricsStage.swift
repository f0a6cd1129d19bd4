import Actors

/// An emitter with its sink, on a clock that stands still.
struct MetricsStage {
    let world = World()
    let sink = LineSink()
    let meter = MeterDouble()
    let emitter: MetricsEmitter

    init(_ namespaces: [MetricNamespace]) {
        emitter = MetricsEmitter(
            namespaces: namespaces, interval: .seconds(60), sink: sink, meter: meter, clock: world.clock,
            wallClock: ManualWallClock())
    }

    /// Runs it to the end of what was sent.
    func run() {
        emitter.events.finish()
        world.start { await emitter.run() }
    }

    var lines: [EMFLine] { sink.lines.value.compactMap(EMFLine.init) }
}

struct LineSink: MetricSink {
    var dropped: Int { 0 }
    let lines = Box<[String]>([])
    func write(_ line: String) { lines.change { $0.append(line) } }
}

struct MeterDouble: ResourceMeter {
    let use = Box(ResourceUsage(cpu: .seconds(1), residentBytes: 20_000_000))
    func usage() -> ResourceUsage { use.value }
}
