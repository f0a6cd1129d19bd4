/// Players, clips, votes: the contest in a minute.
struct DemoStory: Sendable {
    private static let transcodeLimit: Duration = .seconds(180)

    let api: DemoAPI
    let console: DemoConsole
    let clips: DemoClips

    private struct Entry: Sendable {
        let player: DemoAPI.Player
        let video: String
    }

    func play() async throws {
        console.title("Players sign up and upload")
        let cast = [
            ("Ana", "Ríos", "Bogotá", "Triple desde el logo", clips.landscape),
            ("Luis", "Peña", "Medellín", "Clavada en la cancha del barrio", clips.portrait),
            ("Camila", "Soto", "Cali", "Manejo de balón", clips.classic),
            ("Mateo", "Gil", "Bogotá", "Se cortó la grabación", clips.corrupt),
        ]
        var entries: [Entry] = []
        for (first, last, city, title, clip) in cast {
            let player = try await api.signUp(first, last, city: city)
            let label = "\(player.name) (\(city)): \(title)"
            let video = try await api.upload(clip, title: title, by: player) { console.progress("↑ \(label)", $0) }
            entries.append(Entry(player: player, video: video))
        }
        console.title("Workers transcode")
        var published: [Entry] = []
        for entry in entries where try await follow(entry) { published.append(entry) }
        guard published.count == 3 else { throw DemoFailure("\(published.count) of 3 good clips were published") }
        try await vote(for: published)
        try await showLinks()
    }

    /// - Returns: whether the clip was published.
    private func follow(_ entry: Entry) async throws -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + Self.transcodeLimit
        let label = "⚙ \(entry.player.name)"
        while clock.now < end {
            let video = try await api.video(entry.video, of: entry.player)
            switch video["status"]?.text {
            case "processed":
                console.progress(label, 100)
                return true
            case "failed":
                console.line("  ✗ \(entry.player.name): \(video["failure_reason"]?.text ?? "?")")
                return false
            default:
                if case .number(let percent)? = video["progress"] { console.progress(label, min(99, Int(percent))) }
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw DemoFailure("the clip of \(entry.player.name) was not processed in time")
    }

    private func vote(for published: [Entry]) async throws {
        console.title("The public votes, and the ranking moves")
        let names = ["Sara", "Juan", "Valentina", "Andrés", "Isabella", "Felipe"]
        // Who votes for which of the three clips, round after round: the lead changes.
        let rounds = [[[0], [0, 1]], [[1], [1, 2]], [[1, 0], [2, 1]]]
        var voters = names.makeIterator()
        for (number, round) in rounds.enumerated() {
            for choices in round {
                guard let name = voters.next() else { break }
                let voter = try await api.signUp(name, "Hincha", city: "Pereira")
                for choice in choices { try await api.vote(for: published[choice].video, by: voter) }
            }
            console.line("After round \(number + 1):")
            for row in try await api.rankings() {
                guard case .number(let position)? = row["position"], case .number(let votes)? = row["votes"] else {
                    throw DemoFailure("a ranking row has no position")
                }
                console.line(
                    "  \(Int(position)). \(row["username"]?.text ?? "?") (\(row["city"]?.text ?? "?")), \(Int(votes)) \(votes == 1 ? "vote" : "votes")"
                )
            }
        }
    }

    private func showLinks() async throws {
        console.title("Watch (each link is good for an hour)")
        for video in try await api.publicVideos() {
            guard let url = video["processed_url"]?.text, try await api.watch(url) == 206 else {
                throw DemoFailure("a published clip cannot be played")
            }
            console.line("  \(video["username"]?.text ?? "?"): \(url)")
        }
        console.line("Ranking: \(api.baseURLs[0])/api/public/rankings")
    }
}
