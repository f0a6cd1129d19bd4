import Actors
import Testing

struct MetricsEmitterTests {
    @Test("each line is valid EMF: time in milliseconds, every metric and dimension a member of the root")
    func emf() throws {
        let stage = MetricsStage([.backend, .worker])
        stage.emitter.events.send(
            .request(route: "/api/videos/{id}", method: "GET", status: 200, duration: .seconds(1)))
        stage.emitter.events.send(.taskFinished(duration: .seconds(2)))
        stage.run()
        let lines = stage.lines
        #expect(lines.count == 2)
        for line in lines { try line.validate() }
        #expect(lines.allSatisfy { $0.aws.Timestamp == 1_700_000_000_250 })
        #expect(lines.map(\.directive.Namespace) == ["ANB/Backend", "ANB/Worker"])
        #expect(lines[0].directive.Dimensions == [["Service"], ["Service", "Route"]])
        #expect(lines[0].texts["Route"] == "GET /api/videos/{id}")
        #expect(lines[0].texts["Service"] == "backend")
        #expect(lines[1].directive.Dimensions == [["Service"]])
        #expect(lines[1].texts["Service"] == "worker")
    }

    @Test("requests are counted, 4xx and 5xx apart, with each duration")
    func requests() throws {
        let stage = MetricsStage([.backend])
        for status in [200, 399, 400, 404, 499, 500, 503] {
            stage.emitter.events.send(
                .request(route: "/a", method: "GET", status: status, duration: .milliseconds(status)))
        }
        stage.run()
        let line = try #require(stage.lines.first)
        #expect(line.numbers["RequestCount"] == [7])
        #expect(line.numbers["RequestDuration"] == [200, 399, 400, 404, 499, 500, 503])
        #expect(line.numbers["ErrorCount"] == [5])
        #expect(line.numbers["ErrorCount4xx"] == [3])
        #expect(line.numbers["ErrorCount5xx"] == [2])
    }

    @Test("tasks finished, failed and retried are counted")
    func tasks() throws {
        let stage = MetricsStage([.worker])
        for event in [MetricEvent.taskFinished(duration: .seconds(1)), .taskFailed, .taskRetried, .taskRetried] {
            stage.emitter.events.send(event)
        }
        stage.run()
        let line = try #require(stage.lines.first)
        #expect(line.numbers["TaskCount"] == [2])
        #expect(line.numbers["TaskFailure"] == [1])
        #expect(line.numbers["TaskRetry"] == [2])
        #expect(line.numbers["TaskDuration"] == [1000])
    }

    @Test("an array that is full is written at once, without waiting for the interval")
    func fullArray() throws {
        let stage = MetricsStage([.backend, .worker])
        let run = stage.world.start { await stage.emitter.run() }
        for _ in 0..<99 {
            stage.emitter.events.send(.request(route: "/a", method: "GET", status: 200, duration: .zero))
            stage.emitter.events.send(.taskFinished(duration: .zero))
        }
        stage.world.settle()
        #expect(stage.lines.isEmpty)
        for _ in 0..<51 {
            stage.emitter.events.send(.request(route: "/a", method: "GET", status: 200, duration: .zero))
            stage.emitter.events.send(.taskFinished(duration: .zero))
        }
        stage.world.advance(MetricsEmitter.rest)
        #expect(stage.lines.map { ($0.numbers["RequestDuration"] ?? $0.numbers["TaskDuration"])?.count } == [100, 100])
        stage.emitter.events.finish()
        stage.world.advance(MetricsEmitter.rest)
        #expect(run.isOver)
        #expect(stage.lines.compactMap { $0.numbers["RequestCount"]?.first }.reduce(0, +) == 150)
        #expect(stage.lines.compactMap { $0.numbers["TaskCount"]?.first }.reduce(0, +) == 150)
        for line in stage.lines { try line.validate() }
    }

    @Test("what came while the emitter rested is written, also when it is cancelled: a drain's last task counts")
    func cancelled() throws {
        let stage = MetricsStage([.worker])
        let run = stage.world.start { await stage.emitter.run() }
        stage.emitter.events.send(.taskFinished(duration: .seconds(1)))
        stage.world.settle()
        stage.emitter.events.send(.taskFinished(duration: .seconds(2)))
        stage.emitter.events.finish()
        run.cancel()
        stage.world.settle()
        #expect(run.isOver)
        #expect(stage.lines.compactMap { $0.numbers["TaskCount"]?.first }.reduce(0, +) == 2)
    }

    @Test("the interval writes what came, and the process's own use since the last one")
    func interval() throws {
        let stage = MetricsStage([.worker])
        stage.world.start { await stage.emitter.run() }
        stage.world.advance(.seconds(60))
        #expect(stage.lines.compactMap { $0.numbers["ProcessCPU"]?.first } == [0])
        stage.meter.use.set(ResourceUsage(cpu: .seconds(16), residentBytes: 30_000_000))
        stage.emitter.events.send(.taskFailed)
        stage.world.advance(.seconds(60))
        #expect(stage.lines.count == 3)
        let usage = try #require(stage.lines.last)
        #expect(usage.numbers["ProcessCPU"] == [25])
        #expect(usage.numbers["ProcessMemoryMB"] == [30])
        #expect(usage.numbers["DroppedEvents"] == [0])
        for line in stage.lines { try line.validate() }
    }

    @Test("an API node tells of the videos that its Reconciler failed")
    func failuresOfAnAPINode() throws {
        let stage = MetricsStage([.backend])
        stage.emitter.events.send(.taskFailed)
        stage.run()
        let line = try #require(stage.lines.first { $0.numbers["TaskFailure"] != nil })
        #expect(line.numbers["TaskFailure"] == [1])
        #expect(line.directive.Namespace == "ANB/Worker")
    }

    @Test("events that the mailbox could not hold are counted once")
    func drops() throws {
        let stage = MetricsStage([.backend])
        for _ in 0..<MetricsEmitter.mailboxCapacity + 3 {
            stage.emitter.events.send(.request(route: "/a", method: "GET", status: 200, duration: .zero))
        }
        stage.world.start { await stage.emitter.run() }
        stage.world.advance(.seconds(180))
        #expect(stage.lines.compactMap { $0.numbers["DroppedEvents"]?.first } == [3, 0, 0])
    }

    @Test("more routes than the limit share one name within an interval")
    func routes() {
        let stage = MetricsStage([.backend])
        for number in 0..<200 {
            stage.emitter.events.send(.request(route: "/\(number)", method: "GET", status: 200, duration: .zero))
        }
        stage.run()
        let routes = Set(stage.lines.compactMap { $0.texts["Route"] })
        #expect(routes.count == MetricsEmitter.maximumRoutes + 1)
        #expect(routes.contains("other"))
        #expect(stage.lines.compactMap { $0.numbers["RequestCount"]?.first }.reduce(0, +) == 200)
    }

    @Test("a name of any characters is one string of JSON")
    func names() throws {
        let stage = MetricsStage([.backend])
        let route = "/\"a\\b\u{1}\u{7F}ñ🏀/\n"
        stage.emitter.events.send(
            .request(route: route, method: "GET", status: 200, duration: .milliseconds(1.5)))
        stage.run()
        let line = try #require(stage.lines.first { $0.texts["Route"] != nil })
        try line.validate()
        #expect(line.texts["Route"] == "GET \(route)")
        #expect(line.numbers["RequestDuration"] == [1.5] && line.numbers["RequestCount"] == [1])
    }
}
