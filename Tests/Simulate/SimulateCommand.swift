import ArgumentParser
import Simulation

/// `simulate`: the whole cluster under seeds (docs/simulation.md).
@main
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run the production actors in simulated clusters: one seed, one history.",
        subcommands: [RunCommand.self, ShrinkCommand.self, ReplayCommand.self, SweepCommand.self, MutantsCommand.self],
        defaultSubcommand: RunCommand.self)
}

/// `A..<B`.
struct SeedRange: ExpressibleByArgument {
    let seeds: Range<UInt64>

    init(_ seeds: Range<UInt64>) { self.seeds = seeds }

    init?(argument: String) {
        let bounds = argument.split(separator: "..<").compactMap { UInt64($0) }
        guard bounds.count == 2, bounds[0] <= bounds[1] else { return nil }
        seeds = bounds[0]..<bounds[1]
    }
}
