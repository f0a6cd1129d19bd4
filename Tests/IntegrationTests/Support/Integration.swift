import Testing

/// Real nodes, real PostgreSQL, real ffmpeg. One thing at a time: the machine's time is part of what is judged.
@Suite("integration", .serialized) struct Integration {}

/// What the tests of a suite share.
enum Stage {
    @TaskLocal static var cluster: Cluster?
    @TaskLocal static var node: ClusterNode?

    static var current: ClusterNode {
        get throws { try #require(node) }
    }
}

/// Starts one cluster with one node before the first test of a suite and ends both after the last.
struct SharedNode: SuiteTrait, TestScoping {
    let role: String
    let settings: [String]

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await Cluster.use { cluster in
            let node = try await cluster.start(role, settings)
            try await Stage.$cluster.withValue(cluster) {
                try await Stage.$node.withValue(node) { try await function() }
            }
        }
    }
}

extension Trait where Self == SharedNode {
    static func sharedNode(_ role: String, _ settings: String...) -> Self { Self(role: role, settings: settings) }
}
