import Actors

/// What goes wrong in one run, and when: drawn from the tape before the start, so that a story can be told from it.
package struct FaultPlan: Sendable {
    package enum Fault: Sendable, Equatable {
        /// kill -9, and a new process `after` that.
        case kill(process: Int, after: Duration)
        case pause(process: Int, for: Duration)
        /// A rolling deploy: drain, and a new process once the old one has ended.
        case drain(process: Int)
        /// The same for each worker in turn.
        case rollingRestart
        case databaseDown(for: Duration)
        case queueDown(for: Duration)
        case storeDown(for: Duration)
        /// One process cannot reach the database, though it can reach the rest.
        case cutFromDatabase(process: Int, for: Duration)
        case cutFromQueue(process: Int, for: Duration)
        /// One process reaches no service at all.
        case isolate(process: Int, for: Duration)
        case diskFull(process: Int, for: Duration)
        /// The date of one process is set, as by a time server after a long error.
        case clockJump(process: Int, by: Duration)
        /// Retention takes a message.
        case loseMessage(Int)

        var name: String { String("\(self)".prefix { $0 != "(" }) }
    }

    package struct Planned: Sendable {
        package let fault: Fault
        /// After this many jobs of the run, or
        package let step: Int?
        /// at this virtual time.
        package let time: Int64
    }

    package static let endOfFaults = nanoseconds(.seconds(420))

    package var isCalm = true
    package var planned: [Planned] = []
    package var lostRequests = 0
    package var lostAnswers = 0
    package var late = 0
    package var doubled = 0
    package var stillVisible = 0
    package var lostAnnouncements = 0
    /// Transcodes that never end, in thousandths.
    package var hangs = 0

    /// One seed in four is calm: nothing fails, though a deploy may restart the processes one by one.
    package init(_ tape: Tape, processes: Int) {
        guard tape.choose(4, .fault) != 0 else {
            if tape.choose(3, .fault) == 2 {
                let time = nanoseconds(tape.duration(.seconds(5)...(.seconds(240)), .fault))
                planned.append(Planned(fault: .rollingRestart, step: nil, time: time))
            }
            return
        }
        isCalm = false
        let rates = [0, 2, 10, 40]
        lostRequests = rates[tape.choose(4, .fault)]
        lostAnswers = rates[tape.choose(4, .fault)]
        late = rates[tape.choose(4, .fault)]
        doubled = [0, 0, 20, 100][tape.choose(4, .fault)]
        stillVisible = [0, 0, 20, 100][tape.choose(4, .fault)]
        lostAnnouncements = [20, 100, 100, 500][tape.choose(4, .fault)]
        hangs = [0, 0, 10, 100][tape.choose(4, .fault)]
        for _ in 0..<tape.choose(8, .fault) { planned.append(Self.draw(tape, processes)) }
    }

    private static func draw(_ tape: Tape, _ processes: Int) -> Planned {
        let process = tape.choose(processes, .fault)
        func span(_ seconds: Int) -> Duration { tape.duration(.seconds(1)...(.seconds(seconds)), .fault) }
        let fault: Fault =
            switch tape.choose(18, .fault) {
            case 0, 1, 2, 3: .kill(process: process, after: span(60))
            case 4, 5: .pause(process: process, for: span(200))
            case 6, 7: .drain(process: process)
            case 8: .databaseDown(for: span(240))
            case 9: .queueDown(for: span(240))
            case 10: .storeDown(for: span(120))
            case 11: .cutFromDatabase(process: process, for: span(240))
            case 12: .cutFromQueue(process: process, for: span(240))
            case 13: .diskFull(process: process, for: span(60))
            case 14: .rollingRestart
            case 15: .isolate(process: process, for: span(240))
            case 16: .clockJump(process: process, by: span(7200) - .seconds(3600))
            default:
                tape.choose(4, .fault) == 3
                    ? .loseMessage(tape.choose(8, .fault)) : .kill(process: process, after: span(60))
            }
        // Half of the faults come at a step, so that any await may be the last one.
        let step = tape.choose(2, .fault) == 0 ? nil : tape.choose(5_000, .fault)
        return Planned(fault: fault, step: step, time: nanoseconds(span(360)))
    }

    package var story: String {
        let faults = planned.map { "\($0.fault) at \($0.step.map { "step \($0)" } ?? "\($0.time / 1_000_000)ms")" }
        if isCalm { return (["calm"] + faults).joined(separator: "; ") }
        return """
            lost requests \(lostRequests)‰, lost answers \(lostAnswers)‰, late \(late)‰, doubled \(doubled)‰, \
            still visible \(stillVisible)‰, \
            lost announcements \(lostAnnouncements)‰, hangs \(hangs)‰; \(faults.joined(separator: "; "))
            """
    }
}
