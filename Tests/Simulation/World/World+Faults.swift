import Actors

/// What goes wrong, and how the operators and service managers of the world answer.
extension World {
    func applyConditions() {
        for service in [database.service, queueService, store.service] {
            service.conditions.lostRequests = plan.lostRequests
            service.conditions.lostAnswers = plan.lostAnswers
            service.conditions.late = plan.late
        }
        encoder.conditions.lostRequests = plan.hangs
        traffic.lostAnswers = plan.lostAnswers
        database.lostAnnouncements = plan.lostAnnouncements
        jobs.doubled = plan.doubled
        jobs.stillVisible = plan.stillVisible
        jobs.abandonedPolls = plan.isCalm ? 0 : 500
    }

    var isFaultless: Bool { steppedFaults.isEmpty && timedFaults == 0 }

    func schedulePlan() {
        for planned in plan.planned where planned.step == nil {
            timedFaults += 1
            simulation.at(planned.time) {
                self.timedFaults -= 1
                self.inject(planned.fault)
            }
        }
        steppedFaults = plan.planned.filter { $0.step != nil }.sorted { ($0.step ?? 0) < ($1.step ?? 0) }
        simulation.onStep = { [unowned self] in
            while let next = steppedFaults.first, let step = next.step, step <= simulation.steps {
                steppedFaults.removeFirst()
                inject(next.fault)
            }
            if let crash, crash.step <= simulation.steps {
                self.crash = nil
                let process = processes[crash.process]
                crashed = process.node.isAlive && !process.hasEnded && !process.isDraining
                switch crash.kind {
                case .kill: kill(process, restartAfter: .seconds(10))
                case .drain: redeploy(process) { $0.drain() }
                case .cancel: redeploy(process) { $0.cancel() }
                }
            }
            return nextHook
        }
        simulation.hookStep = nextHook
    }

    private var nextHook: Int { min(steppedFaults.first?.step ?? .max, crash?.step ?? .max) }

    private func inject(_ fault: FaultPlan.Fault) {
        let now = simulation.now
        guard now < FaultPlan.endOfFaults else { return }
        simulation.record("FAULT", detail: "\(fault)")
        invariants.coverage.reach("world", "-", fault.name)
        func end(_ duration: Duration) -> Int64 { min(now + nanoseconds(duration), FaultPlan.endOfFaults) }
        switch fault {
        case .kill(let number, let delay): kill(processes[number], restartAfter: delay)
        case .pause(let number, let duration):
            let node = processes[number].node
            node.pause()
            simulation.at(end(duration), node: node) { node.resume() }
        case .drain(let number): redeploy(processes[number]) { $0.drain() }
        case .rollingRestart: roll(processes.filter { $0.role == .worker })
        case .databaseDown(let duration): database.service.conditions.downUntil = end(duration)
        case .queueDown(let duration): queueService.conditions.downUntil = end(duration)
        case .storeDown(let duration): store.service.conditions.downUntil = end(duration)
        case .cutFromDatabase(let number, let duration):
            processes[number].links?.database.partitionedUntil = end(duration)
        case .cutFromQueue(let number, let duration):
            processes[number].links?.jobs.partitionedUntil = end(duration)
        case .isolate(let number, let duration):
            for link in processes[number].allLinks { link.partitionedUntil = end(duration) }
        case .clockJump(let number, let jump):
            processes[number].node.wallSkew += nanoseconds(jump)
            processes[number].node.dateJumped = true
        case .diskFull(let number, let duration):
            let disk = processes[number].disk
            disk.isFull = true
            simulation.at(end(duration)) { disk.isFull = false }
        case .loseMessage(let number): jobs.lose(number)
        }
    }

    private func kill(_ process: Process, restartAfter delay: Duration) {
        guard process.node.isAlive, !process.hasEnded else { return }
        kills += 1
        process.kill()
        simulation.after(delay) { process.start() }
    }

    private func roll(_ rest: [Process]) {
        guard let first = rest.first else { return }
        redeploy(first, by: { $0.drain() }, then: { self.roll(Array(rest.dropFirst())) })
    }

    /// Waits for the process that was told to end as a service manager does, and kills what has not ended after 45 s.
    private func redeploy(_ process: Process, by end: (Process) -> Void, then next: @escaping () -> Void = {}) {
        guard process.node.isAlive, !process.hasEnded, !process.isDraining else { return next() }
        let node = process.node
        let begun = simulation.now
        end(process)
        let limit = simulation.now + nanoseconds(.seconds(45))
        func look() {
            // Killed and restarted meanwhile.
            guard process.node === node, node.isAlive else { return next() }
            guard process.hasEnded || simulation.now >= limit else { return simulation.after(.seconds(1), look) }
            if process.hasEnded {
                invariants.ended(node, holding: process.leases)
            } else {
                if !process.hasReturned, !node.isPaused, node.resumedAt < begun {
                    simulation.fail("drain: \(node.name) does not end within 45 s")
                }
                process.kill()
            }
            process.start()
            next()
        }
        simulation.after(.seconds(1), look)
    }

    func heal() {
        for service in [database.service, queueService, store.service, encoder] { service.conditions.heal() }
        traffic.lostAnswers = 0
        database.lostAnnouncements = 0
        jobs.doubled = 0
        jobs.stillVisible = 0
        jobs.abandonedPolls = 0
        steppedFaults = []
        for process in processes {
            process.node.resume()
            process.disk.isFull = false
            for link in process.allLinks { link.partitionedUntil = 0 }
        }
        simulation.record("healed")
    }
}
