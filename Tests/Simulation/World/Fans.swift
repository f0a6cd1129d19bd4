import Actors

/// People who watch: they ask an API node for a processed video's address.
///
/// Invariant: G1 an address that a node with a right date hands out is good for half an hour, less two minutes for the
/// dates of node and store.
///
/// Proof of `@unchecked Sendable`: touched by the simulation's thread only, which `Simulation` watches.
final class Fans: @unchecked Sendable {
    private static let count = 2
    private static let goodFor = nanoseconds(S3Gateway.signedURLLife / 2 - .seconds(120))
    private static let patience = nanoseconds(.seconds(600))

    private let simulation: Simulation
    private let database: FakeDatabase
    private let traffic: Traffic
    private var invariants: Invariants { database.invariants }
    private var open = 0

    init(_ simulation: Simulation, _ database: FakeDatabase, _ traffic: Traffic) {
        self.simulation = simulation
        self.database = database
        self.traffic = traffic
    }

    var areDone: Bool { open == 0 }

    /// In a few runs each fan comes again after half of an address's life: an hour without work costs many steps.
    func plan() {
        let comesAgain = simulation.tape.choose(16, .workload) == 15
        open = Self.count
        for _ in 0..<Self.count {
            let time = simulation.tape.nanoseconds(20_000_000_000...200_000_000_000, .workload)
            simulation.at(time) { self.choose(again: comesAgain) }
        }
    }

    private func choose(again: Bool) {
        let choice = database.sortedVideos.filter { $0.state == .processed }
        guard !choice.isEmpty else {
            if simulation.now > Self.patience { return open -= 1 }
            return simulation.after(.seconds(20)) { self.choose(again: again) }
        }
        watch(choice[simulation.tape.choose(choice.count, .workload)].video.id, again: again)
    }

    private func watch(_ video: VideoID, again: Bool) {
        let request = SignedURLRequest(
            key: .processedVideo(video), contentType: "video/mp4", origin: "https://anb.example")
        traffic.ask({ api, counter -> String? in
            guard let url = try? await api.gateway.signedURL(for: request) else { return nil }
            self.require(url, of: video, from: counter.node)
            return url
        }) { url in
            guard url != nil else { return self.simulation.after(.seconds(5)) { self.watch(video, again: again) } }
            guard again else { return self.open -= 1 }
            let pause = self.simulation.tape.nanoseconds(1_860_000_000_000...3_400_000_000_000, .workload)
            self.simulation.at(self.simulation.now + pause) { self.watch(video, again: false) }
        }
    }

    private func require(_ url: String, of video: VideoID, from node: SimulatedNode) {
        guard let end = FakeObjectStore.expiry(of: url), !node.dateJumped,
            // It slept with the address in its hand.
            simulation.now - node.resumedAt > nanoseconds(.seconds(1))
        else { return }
        invariants.require(
            end - simulation.now >= Self.goodFor,
            "G1 \(invariants.label(video)): an address that is good for \((end - simulation.now) / 1_000_000_000) s")
    }
}
