import Actors

/// Everything comes to its end, and what is left is right.
extension World {
    /// All that was wanted is done, and every row is terminal.
    var isDone: Bool {
        people.areDone && players.areDone && voters.areDone && fans.areDone
            && database.videos.values.allSatisfy(\.state.isTerminal)
    }

    /// Liveness. The bound allows for two re-dispatches of a lost message.
    func settle() {
        let bound = nanoseconds(.seconds(5400))
        if advance(for: bound, until: { self.isDone }) { return }
        let open = database.sortedVideos.filter { !$0.state.isTerminal }
            .map { "\(invariants.label($0.current)) \($0.state.rawValue)" }
        simulation.fail("I1 liveness: not over: \((open + people.open + players.open).joined(separator: ", "))")
    }

    /// No message left but the letters that belong there, no object without a row.
    func rest() {
        if advance(for: nanoseconds(.seconds(3600)), until: { self.unrest == nil }) {
            checkResults()
            people.checkAtRest()
            players.checkAtRest()
            voters.checkAtRest()
        } else if let unrest {
            simulation.fail(unrest)
        }
    }

    private var unrest: String? {
        for process in processes where !process.node.isAlive || process.isDraining {
            return "at rest: \(process.name) was not started again"
        }
        if !database.outbox.isEmpty { return "I4 at rest: \(database.outbox.count) outbox entries" }
        if let stray = jobs.dispatches.first { return "I4 at rest: a job's message \(invariants.label(stray))" }
        for letter in deadLetters.dispatches {
            let row = database.videos[letter.video]
            guard let row, row.state == .failed, row.dispatch == letter.number, !invariants.wasRejected(letter.video)
            else { return "I4 at rest: a letter without a failed row: \(invariants.label(letter))" }
        }
        for row in database.sortedVideos where row.state == .failed && !invariants.wasRejected(row.video.id) {
            guard deadLetters.dispatches.contains(row.current) else {
                return "I4 at rest: a failed row without a letter: \(invariants.label(row.current))"
            }
        }
        let orphans = database.orphans(among: store.keys)
        return orphans.first.map { "I6 at rest: an object without a row: \($0)" }
    }

    private func checkResults() {
        for row in database.sortedVideos {
            guard let history = invariants.histories[row.video.id] else { continue }
            let timedOut = row.failure?.code == .timedOut
            let expected: Bool =
                switch history.kind {
                case .healthy: row.state == .processed || history.wasLost || timedOut
                case .poison: history.isRejected || history.wasLost || timedOut
                // A failure whose worker died before it could tell does not count.
                case .flaky(let failures):
                    history.wasLost || timedOut
                        || (row.state == .processed
                            ? row.attempts < 3 && !(invariants.isCalm && failures >= 3) : failures + history.hangs >= 3)
                }
            if !expected {
                simulation.fail(
                    "\(history.label) (\(history.kind)) ended \(row.state.rawValue), \(row.attempts) attempts, \(row.failure?.code.rawValue ?? "-")"
                )
            }
            if row.state == .processed, row.result.map({ !store.has($0.video) || !store.has($0.poster) }) ?? true {
                simulation.fail("I2 \(history.label): processed, but its objects are gone")
            }
            if row.attempts != history.ownFailures { simulation.fail("I8 \(history.label): attempts do not add up") }
        }
    }

    /// V3: within fifteen seconds of rest, and of the last message that was late, every node's ranking is what the
    /// database counts. A look at the feed that began before the end of the faults may be late both ways.
    func agree() {
        guard simulation.failure == nil else { return }
        var shown: [String: [ShownPlayer]] = [:]
        let counted = voters.counted
        let agreed = advance(for: nanoseconds(.seconds(15)) + 2 * database.service.conditions.lateness) {
            if !shown.isEmpty, shown.values.allSatisfy({ $0 == counted }) { return true }
            voters.read(traffic.entrances) { shown = $0 }
            return false
        }
        guard !agreed else { return }
        let pages = shown.keys.sorted().map { "\($0) shows \(shown[$0] ?? [])" }
        simulation.fail("V3 at rest: \(pages.joined(separator: ", ")); the database counts \(counted)")
    }

    /// M1: the metrics count each video that came to its end at most once; without faults, exactly once.
    func checkMetrics() {
        guard simulation.failure == nil else { return }
        let ended = invariants.histories.values.count { $0.isTerminal }
        let holds = invariants.isCalm ? metrics.tasks == ended : metrics.tasks <= ended
        invariants.require(holds, "M1 metrics: \(metrics.tasks) tasks counted, \(ended) videos ended")
    }

    /// Every `run()` returns within the grace and five seconds, permits and workspaces come back.
    func drain() {
        guard simulation.failure == nil else { return }
        crash = nil
        // A crash may have come at the very end.
        _ = advance(for: nanoseconds(.seconds(60))) { self.processes.allSatisfy { $0.node.isAlive && !$0.isDraining } }
        for process in processes { process.drain() }
        let ended = advance(for: nanoseconds(.seconds(36))) { self.processes.allSatisfy(\.hasEnded) }
        for process in processes where simulation.failure == nil {
            if !ended, !process.hasEnded { simulation.fail("drain: \(process.node.name) does not end") }
            if let taken = process.worker?.permits.taken, taken != 0 {
                simulation.fail("permits: \(process.node.name) ends with \(taken) taken")
            }
            if !process.disk.openWorkspaces.isEmpty {
                simulation.fail("workspaces: \(process.node.name) leaves \(process.disk.openWorkspaces.count)")
            }
        }
    }
}
